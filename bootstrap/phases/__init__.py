"""One module per phase; each exports PHASE. A phase is a pure function of a Snapshot; its docstring says what a second run does."""
