"""Who may see and do what in attendance case management, decided by Cedar policies.

>>> from caseward import Ward, World
>>> ward = Ward.attendance()
>>> world = World.sample(ward, cases=50)
>>> answer = ward.check(world, 'User::"u00001"', "viewSummary", 'Case::"c0000001"')
>>> answer.decision
'deny'

A `Ward` is policies with their schema, parsed once; a `World` is the data, a handle that threads share. A denial
is a value, an `Answer`; a `CasewardError` is a question that makes no sense or data that cannot be used.
"""

from caseward._caseward import (
    Action,
    ActionAnswer,
    Answer,
    Attribute,
    Case,
    CaseFile,
    CasewardError,
    Changes,
    Condition,
    DataError,
    Decisions,
    EntityType,
    EntityUid,
    Explanation,
    Matrix,
    Mismatch,
    Page,
    Policy,
    PolicyError,
    Problem,
    ReadError,
    Reason,
    Request,
    RequestError,
    Schema,
    SchemaError,
    SnapshotError,
    Type,
    VersionTimeoutError,
    Visible,
    Ward,
    World,
    __version__,
    diagnose,
    format,
)

__all__ = [
    "Action",
    "ActionAnswer",
    "Answer",
    "Attribute",
    "Case",
    "CaseFile",
    "CasewardError",
    "Changes",
    "Condition",
    "DataError",
    "Decisions",
    "EntityType",
    "EntityUid",
    "Explanation",
    "Matrix",
    "Mismatch",
    "Page",
    "Policy",
    "PolicyError",
    "Problem",
    "ReadError",
    "Reason",
    "Request",
    "RequestError",
    "Schema",
    "SchemaError",
    "SnapshotError",
    "Type",
    "VersionTimeoutError",
    "Visible",
    "Ward",
    "World",
    "__version__",
    "diagnose",
    "format",
]
