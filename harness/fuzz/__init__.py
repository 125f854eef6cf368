"""Fuzzing recovery: plans as values, what draws them, and the engines that carry them out."""
