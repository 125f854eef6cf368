"""A plan as a scenario: Python that reads as if a person had written it."""
