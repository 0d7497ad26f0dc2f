"""Heads: features -> what they are asked for, such as a class or a survival, with what that is worth.

    head, checks        what a head is; none can be made wrong
    predict             features -> numbers, in float64 and plain numpy
    file, facts         a head as one safetensors file, strictly read
    fit                 whether features are those that a head was made of
    published, embedded what upstream published; the head that a fine-tuned checkpoint brings behind its encoder
    folder, store       where heads lie; taken in and given out; `shipped/` has those that come with the engine
    choose, chosen      which heads a run has; what they say of each lesion
    notes, prediction   what stands beside a number; what tables and messages need

An encoder's features go to heads of exactly its weights. Fine-tuned weights are an encoder of their own: where several
are asked for, each computes a patch once, and nothing of one reaches the head of another.
"""
