"""Uses the client that openapi-python-client generated in the folder `client`: uses.py ADDRESS KEY."""

import sys

from client import AuthenticatedClient
from client.api.auth_zen import evaluation, search_subjects
from client.api.cases import commands, list_, view
from client.api.operations import healthz
from client.models import Decision, ErrorBody, EvaluationBody, Results, SearchBody

address, key = sys.argv[1:]
client = AuthenticatedClient(base_url=address, token=key, headers={"X-Caseward-User": "lead"})
assert healthz.sync_detailed(client=client).status_code == 200

made = commands.sync_detailed(
    client=client,
    body={
        "command": "createRequest",
        "on": 'Student::"ben"',
        "context": {"primaryContact": {"type": "User", "id": "lead"}},
    },
)
assert made.status_code == 200, made
made_id = made.parsed["made"][0].split('"')[1]
request = {"type": "Request", "id": made_id}

for who, expected in [("lead", True), ("rata-lead", False)]:
    asked = {"subject": {"type": "User", "id": who}, "action": {"name": "viewSummary"}, "resource": request}
    decided = evaluation.sync(client=client, body=EvaluationBody.from_dict(asked))
    assert isinstance(decided, Decision) and decided.decision is expected, decided
asked = {"subject": {"type": "User"}, "action": {"name": "viewSummary"}, "resource": request}
found = search_subjects.sync(client=client, body=SearchBody.from_dict(asked))
assert isinstance(found, Results) and "lead" in str(found.to_dict()), found

listed = list_.sync("Request", client=client, action="viewSummary", limit=10)
assert made_id in str(listed.to_dict()), listed
assert view.sync_detailed("Request", made_id, client=client).status_code == 200
absent = view.sync_detailed("Request", "none", client=client)
assert absent.status_code == 404 and isinstance(absent.parsed, ErrorBody), absent

stranger = AuthenticatedClient(base_url=address, token="cwk_made-up")
asked = {"subject": {"type": "User", "id": "lead"}, "action": {"name": "viewSummary"}, "resource": request}
refused = evaluation.sync_detailed(client=stranger, body=EvaluationBody.from_dict(asked))
assert refused.status_code == 401 and isinstance(refused.parsed, ErrorBody), refused
print("a generated client asks and is answered")
