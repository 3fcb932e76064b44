"""One module for each contestant: ``Sync`` and ``Async``, each with whichever of these it can do.

``prepare`` turns messages and tools into what its library takes, once and unmeasured; ``call`` returns the
answer's text, ``stream`` yields the chunks, ``close`` leaves nothing open; ``check``, where there is one, sees that it
is what it is called. Little but the library itself is imported: starting is measured, too.
"""
