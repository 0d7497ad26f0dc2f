"""One thing done for the window, in a process that then ends. This docstring is the protocol, version 1.

Started as `python -m fmcib_engine task NAME ARGUMENTS`, or by `run.run_task([NAME, ARGUMENTS])`. ARGUMENTS is a JSON
object with the fields below; those in square brackets may be left out, others are refused, and so are texts that no
file could be called by: with a zero byte, or half a letter.

**Answers.** stdout carries lines, each a JSON object (ASCII). File descriptor 1 is turned to stderr at the start, so
that a library that prints cannot break a line; stderr carries the log.

    {"type": "progress", "text", "done": bytes or null, "total": bytes or null}   any number, some ten a second
    {"type": "row", ...}                                                          any number, of `batch` alone
    {"type": "result", ...}                                                       once, the last; exit code 0
    {"type": "error", "code", "message": "one or two sentences for the user"}     or this; exit code 4

`done` never falls. The codes are `input` (an unknown task, field or ID; arguments that are no JSON; an ID that is not
offered), `download` (no mirror gave the file), `output` (it cannot be written here), `unidentified` (import: give an id
or an own_name), `replaces` (import: a differing file is here; ask, then give overwrite), `resumes` (batch: a run is in
the folder; ask, then give resume or retry), and `weights`, `device`, `dependency`, `out_of_memory` and `internal` as in
`worker`.

**End.** The end of stdin means that the parent is gone: the process ends at once with exit code 1, and tells nothing.
What stdin carries is not looked at. The process may be killed at any moment: what it had fetched is kept, and the next
one goes on from there. It ignores SIGINT, as the worker does.

**Tasks.** All but `self_test` and `batch` work without torch; `probe` and `catalogue` without any package but numpy.
`train_head` needs the extra [heads].

    probe      what is installed, and what is wrong with it
               -> {"engine_version", "python", "packages": {name: {"version" or null, "problem"}}, "torch": as there,
                   "devices": [{"name", "title", "memory_bytes" or null, "problem"}],
                   "openvino_is_faster": bool, "cache_folder" or null,
                   "cache_problem", "weights": [{"id", "file", "size" or null, "sha256", "checksum", "licence",
                    "notice", "time", "encoder", "caution", "problem", "doubts": [sentence]}]}
               weights: what came with the engine among them, whose checksum is "shipped with the engine".
               caution: what must stand wherever features of these weights appear; mostly empty.
               doubts: what others say otherwise, such as another checksum; to be seen, and no reason to refuse.
               openvino_is_faster: whether it is worth while to have, for the CPU; it is no requirement
               problem: empty, or a sentence that names the fix; of a device, a clause that says why it does not
                   work. Weights are compared by size only.
    catalogue  what can be had
               -> {"entries": [{"id", "kind", "title", "size" or null, "here": bool, "part": bytes, "refused",
                    "licence": {"title", "url", "meaning", "notice"}, "citation", "hosts": [name],
                    "mirrors": [{"name", "page"}], "unverified": [text], "reported": [{"checksum", "by"}],
                    "repository_licence": what repositories named when it was downloaded, or empty}],
                   "hosts": [{"name", "purpose", "unverified": bool}], "cache_problem"}
               part: bytes of an unfinished download, from which the next one goes on.
    download   id, [mirror=""]: **only after the user agreed to the licence** -> as import
    import     path, [id=""], [own_name=""], [overwrite=false]
               -> {"record", "agreements": [clause: what others report, and is so], "doubts": as in probe}
               record: {"id", "file", "size", "sha256", "checksum", "source", "time", "licence", "notice",
                   "repository_licence", "encoder", "caution", "path"}
    licences   id: asks its repositories, at the user's wish, which licence they name
               -> {"licences": [{"mirror", "licence": empty if none is named, "is_another": bool: than ours,
                   "problem": why nobody knows}]}
    verify     every file here, by its SHA-256 -> {"files": [{"id", "file", "problem", "doubts"}]}
    contents   what lies in the cache folder, by kind
               -> {"folder", "items": [{"name", "kind", "title", "again": how it comes back, "comes_back": bool: whether
                   that takes nothing that the user must have, "size"}], "strange": [name of what is not ours],
                   "refused": why nothing can be removed there, or empty}
    remove     names: a list, of items: **only after the user agreed, and let go of what has them open**
               -> {"gone": [name], "stayed": [{"name", "problem"}], "freed": bytes}
               Killed in the midst it leaves what `contents` tells then; nothing is left that is taken for whole.
    heads      what predicts, as far as it lies here by itself
               -> {"heads": [{as `heads` of `loaded` in `worker`, but "weights_sha256" is of those that it was made of,
                   and also "encoder_id", "recipe_id" (each empty where nobody knows), "removed_as": its name for
                   `remove`, or empty where it came with the engine}],
                   "damaged": [{"file", "problem"}]}
    import_head path, [own_name=""], [overwrite=false] -> {"head": as in `heads`}
    export_head name, path, [sha256=""], [overwrite=false] -> {"head": as in `heads`, "file": name of the file}
               sha256: of the head's file, where no other of that name is meant
    rename_head name, new_name, [sha256=""] -> {"head": as in `heads`, under its new name}
               Only of those that can be removed; its file's SHA-256 is another then. Nothing is replaced.
    check_head what a head could learn from a table, before it is trained
               features: path of a CSV, [labels=""]: of another that is joined to it, [by=""]: the column of both,
               [name=""], [task="classification"] or survival, [label=""], [positive=""], [time=""], [event=""],
               [time_unit="days"], [group=""], [sites=[]], [covariates=[]]: names of columns
               -> {"columns": [{"name", "different": values, "empty": cells}] beside the features, "joined_by": [the
                   column by which the two were joined, then those by which they can be], "rows", "features": how
                   many, "encoder_id", "weights_sha256", "recipe_id", "caution" (as the table says, each maybe empty),
                   "missing_packages": [name], "usable": rows or null, "groups" or null, "counts": [[class, rows]],
                   "warnings": [sentence], "refused": why no head can be trained so, or empty}
    train_head the same fields, name, folder, [title=""], [meaning=""], [licence=""], [calibrate=false],
               [label_efficiency=false], [overwrite=false]: writes NAME.head and NAME-report into the folder, both or
               neither; code `replaces` where either is there. Progress counts parts, not bytes. Killed, it leaves
               nothing that `probing.places` does not tidy up.
               -> {"head": as in `worker`, "path": of the head, "report": path of the page, "charts": path of the
                   curves as numbers, "numbers": [{"name", "text"}], "first_paragraph": [sentence], "warnings"}
    self_test  [device="auto"], [engine="auto"] -> {"good": bool, "checks": [{"what", "deviation" or null,
                   "limit", "good": bool}], "device", "engine", "engine_deviation" or null, "note",
                   "seconds"}
               note: empty, or why it was not computed on a better device
    sample     id: **only after the user agreed** -> {"folder", "seed_lps": [x, y, z], "series_uid"}
    series     request: path of a JSON file, which is removed, with {"files": [path of each file of a DICOM series],
               "instances": [SOP instance UID of each image that a volume was made of, by slice], "elsewhere": number of
               images that are not on this computer, "size", "affine": the volume's grid, LPS}
               -> {"refused": why the volume is no CT that can be analysed, or empty; then also: "faults": [[first k,
                   last k, reason]], "notes": [text], "files_left_out", "time_point" or null}
    plan_batch what a batch would do, and why not more: only headers are read
               request: path of a JSON file, which is removed, with {"source": path of Slicer's DICOM database, a folder
               or a table of scans, [series=null]: SeriesInstanceUIDs, only these; seeds are either [seeds=""]: path of
               a table, or of a DICOM SEG, RTSTRUCT or SR or a folder of such, or [own_seeds=false]: such objects of
               the source, of patients with a wanted series; [roi=[]]: names or patterns of the only lesions wanted,
               [parts=false]: a seed for each separate part of what a DICOM object outlines,
               [frame=""]: lps, ras or ijk, of a table's coordinates where their columns do not say it; [patients=[]]:
               patterns of PatientID, [days=""]: 2019-01-01..2020-12-31, [descriptions=[]], [not_descriptions=[]],
               [body_parts=[]], [kernels=[]], [prefer_kernels=[]]: patterns, [thickness=""]: mm, as 3 or 0.5-3,
               [fewest_slices=10], [all_series=false]: of a study, instead of one}
               -> {"rules": [sentence: which series are taken, and by what rule one of a study is], "rows": lesions that
                   would be done, "series": in how many, "files", "bytes" or null where that takes too long to tell,
                   "not_done": [[why, lines]], the commonest first, "notes": [sentence],
                   "lines": [{"do": bool, "why": clause, "patient": number within this list, or null of a seed
                    without a series, "series_uid", "lesion_id" (each maybe empty)}]}
    batch      lesions computed in a folder that loses nothing (`batch`)
               request: likewise, of the same fields, and {"output": the folder, new or of a run, "weights": a file or
               ID, [encoder="auto"], [device="auto"], [engine="auto"], [precision="float32"], [heads="auto"]: as of
               `load` in `worker`; [draws=0]: with moved seeds, of each row; [identifiers=false]: keep what identifies
               patients, [resume=false]: go on with the run that is there, with the list that it was begun with,
               whatever the source holds now; [retry=false]: the same, and try its failed rows again; [readers=1]:
               processes that read scans, [limit_s=600]: for one scan}
               Each row is told when it is kept; first those that an earlier start kept, in the order of computing:
               {"type": "row", "row": from 1, "lesion_id", "status": ok or error, "series_uid", "image": path of the
                scan's file or folder (each maybe empty), "place_lps": [x, y, z] or null, "predictions": [{"head":
                title, "text": its numbers, or why there are none, "note": what belongs beside them}], "step": in which
                it failed, "problem": why (both empty of a good row), "kept": bool: whether an earlier start computed
                it}
               Progress counts lesions, not bytes. Killed at any moment, it leaves what resume goes on with.
               -> {"table": path, "rows", "computed": of them now, "failed", "causes": [{"problem", "step", "count"}],
                   "times": sentence, "errors": path of all that failed, or empty, "lost": seeds of the source that
                   have no row, for which worklist.csv has the reasons; 0 where a run goes on with its list}
"""
