"""What ``llmkit.map`` decides: rows, prompts made of them, what a row's result is known by, and how results look.

Pure: nothing here calls, waits or writes a file.
"""
