"""Heads: features -> what they are asked for, such as a class or a survival, with what that is worth.

head      what a head is; it cannot be made wrong
predict   features -> numbers, in float64 and plain numpy
fit       whether features are those that a head was made of
file      a head as one safetensors file, strictly read
"""
