"""``llmkit.map`` and ``amap``, without their public faces: what is called, what is to be done, and the doing of it."""
