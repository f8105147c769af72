"""One module per phase; each exports PHASE, a pure function of a Snapshot; its docstring says what a second run does."""
