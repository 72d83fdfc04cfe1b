"""Which cases may a person see, by which rules, and who else may see them?"""

from datetime import UTC, datetime

from caseward import Ward, World

# Once a process: the rules are parsed and validated here.
ward = Ward.attendance()
# Made-up data. Your own comes by `World.from_json`, from Cedar's entities JSON, and changes by `World.apply`.
world = World.sample(ward, cases=50, seed=1)
# 9 a.m. in Wellington.
now = datetime(2026, 5, 10, 21, tzinfo=UTC)
person = ("User", "u00017")

print(f'User::"u00017" may see {ward.count(world, person, "viewSummary", "Case", now=now)} of 50 cases')
for case in ["c0000001", "c0000002", "c0000003"]:
    answer = ward.check(world, person, "viewSummary", ("Case", case), now=now)
    who = ward.who(world, "User", "viewSummary", ("Case", case), now=now)
    print(f"{case}: {answer.decision} by [{' '.join(answer.rules)}]; {len(who)} people may see it")
