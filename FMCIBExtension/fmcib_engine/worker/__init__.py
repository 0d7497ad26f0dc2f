"""The engine behind stdin and stdout: a process that keeps the network warm and turns patches into features.

Started as `python -m fmcib_engine worker`. This docstring is the protocol, version 3.

**Frames.** Both directions carry frames of `framing`: a JSON header, and a binary payload that is empty unless said
otherwise. Requests come in on stdin, replies go out on stdout. File descriptor 1 is turned to stderr at the start, so
that a native library that prints cannot break a frame; stderr carries the log. The parent reads stdout and stderr while
it writes: nothing limits how much may be in flight, except the pipes.

**Start.** The worker speaks first, before it imports torch:

    {"type": "ready", "protocol": 3, "engine_version": "0.1.0", "pid": 4711}

**Requests.** Each has a `type`, and an `id`: an integer or a text of at most 200 characters, which the parent chooses
and should not use twice. Fields in square brackets may be left out; a field that is not listed is refused, and so is a
text that no file could be called by: with a zero byte, or half a letter.

    load       weights, [encoder="auto"], [device="auto"], [precision="float32"], [engine="auto"], [heads="auto"]
               weights: a file, an installed ID, or "demonstration"; encoder: an ID, or auto, the one that they are of;
               device: auto, cpu, cuda, cuda:N or mps; precision: float32, tf32, bfloat16 or float16; engine: auto,
               pytorch or openvino; heads: auto, none, or names with commas between (`heads.choose`), of which those of
               fine-tuned weights bring an encoder of their own. Replaces encoder and heads, and only if it succeeds.
    encode     payload: `Patch.to_bytes()`
    encode_all payload: 1 to 32 patches of one lesion, `Patch.to_bytes()` of each, one after the other: they go through
               the network together, which is faster. Whoever has more asks again: so there is progress, and others
               have their turn in between.
    explain    payload: `Patch.to_bytes()`; target, method, [parameters={}]: a map of `saliency`
               target: embedding, norm, cosine or HEAD:CLASS of a head that is loaded; method: of `saliency.methods`;
               parameters: an object of its `Parameters`, such as {"samples": 25, "random_seed": 0}. A long request.
    ping
    cancel     target: the id of another request
    shut_down  everything that waits is answered, then the worker ends with exit code 0. Nothing after it is read.

**Long requests** take many steps, and tell of them by any number of `part`, each with the result so far, not more often
than a few times a second. Between two steps the `encode` and `encode_all` that wait are answered, unless a `load` waits
before them. `cancel` ends a long request after the step that it is at: its answer is then what it has, and says so by
`done` and `total`.

**Replies.** Each request is answered exactly once, by a reply with its `id` or by an `error`, in the order in which
they came. Only `ping` and `cancel` are answered as soon as they are read, hence before what still waits, and `encode`
may come before the answer to a long request.

    load       {"type": "progress", "step": "Loading the weights", "fraction": 0.3}     any number of these, then
               {"type": "loaded", "encoder_id", "weights_name", "weights_sha256", "caution", "device",
                "precision", "precision_deviation": number or null, "engine", "engine_deviation": number or null,
                "feature_count", "heads": [{"id", "title", "task", "outputs": [name], "sha256", "label_meaning",
                 "population", "metrics": [{"name", "value", "low" or null, "high" or null, "about", "text"}],
                 "columns": those of the user's that it needs, and that no patch has: it gives no numbers then,
                 "is_calibrated": bool, "is_verified": bool, "warnings": [text], "caution", "date", "licence",
                 "citation", "source", "weights_sha256": of the encoder whose features it is given}],
                "head_problems": [sentence], "versions": {package: version}, "seconds"}
    encode     {"type": "encoded", "feature_count", "device", "engine", "precision", "note", "caution",
                "recipe_id", "native_recipe_id", "patch_sha256", "weights_sha256",
                "predictions": [{"head": its id, "values": [number] in the order of its outputs, or null, "note"}],
                "seconds"}
               payload: the features, little-endian float32
    encode_all {"type": "encoded_all", "feature_count", "precision", "caution", "native_recipe_id", "weights_sha256",
                "answers": [{"device", "engine", "note", "recipe_id", "patch_sha256", "predictions"}: as of `encoded`,
                in the order of the patches], "seconds"}
               payload: the features of each patch, one after the other, little-endian float32
    explain    {"type": "part", "done", "total": steps, "facts": of the map, as `MapFacts`, "patch_sha256",
                "weights_sha256", "precision": of the encoder that is loaded, "seconds"}     any number of these, then
               {"type": "result", …}: the same
               payload of both: the map's raw values, little-endian float32 [z, y, x], on the patch's voxels
    ping       {"type": "pong"}
    cancel     {"type": "cancelled", "id": target} in the place of the target's own reply, if it was still waiting, then
               {"type": "cancel_done", "target"}; if it was a long one and running, `cancel_done`, and its answer comes
               soon; or, if it was another one and running, answered, or never there, and is left alone,
               {"type": "cancel_ignored", "target"}
    shut_down  {"type": "bye"}

A `note` is empty or says what the user should know, such as a device that ran out of memory or did not work. A
`caution` is empty or says what must stand wherever features of these weights appear. `head_problems` are about heads
that `auto` did not take though they might be expected; a prediction's note is what belongs beside its numbers, or says
why there are none. With `auto`, `device` and `engine`
are those that really compute, of `loaded` as of `encoded`. A patch of another recipe than the encoder's own is encoded
all the same, because replication needs it: the two ids are there to be compared, as `results.lesion` does for its
warning.

**Errors.** {"type": "error", "id", "code", "message"}; the message is one or two sentences for the user, who has a
window and no command line (`words`).

    bad_request    a frame that is no request (`id` is null if it had none), an unknown encoder or engine, a payload
                   that is not a patch, anything but `load` before `load`, or a target, method or parameters that make
                   no map
    weights        a file that is not there, or not exactly the encoder's, or whose features are no numbers; a head,
                   named in `load`, that is none or of other features
    device         a device or precision that this machine does not have; a device or engine, named in `load`, that does
                   not work, or not together with the others
    dependency     torch or MONAI is not installed, or OpenVINO, where it is named
    out_of_memory  neither the device nor the CPU has room
    internal       a fault of ours; its traceback is in the log
    protocol       bytes that are not a frame, or a header that is not a JSON object

After an error the worker goes on, with the encoder that it had. Only after `protocol` (its id is null) does it end, at
once and with exit code 2: where the next frame would start is unknown. What waited is not answered then.

**End.** When stdin ends without `shut_down`, or stdout has no reader, the parent is gone: the worker ends at once, even
in the middle of a request, with exit code 1. It leaves nothing behind, and may be killed at any moment. It ignores
SIGINT, which a terminal sends to the parent's children as well: the parent decides.
"""

__all__ = ["PROTOCOL"]

PROTOCOL = 3
