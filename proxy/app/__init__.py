"""The composition root: builds every concrete object and owns their tasks."""
