# The rules for viewSummary on a case. Times are in minutes.
package caseward

import rego.v1

default allow := false

# G1, G4
allow if {
	input.user.loginActive
	known_status
	granted
}

known_status if input.case.status == "open"

known_status if input.case.status == "closed"

# M1
granted if "centralInvestigation" in input.user.ministryTeams

granted if "nationalContracts" in input.user.ministryTeams

# M3
granted if {
	"regionalContracts" in input.user.ministryTeams
	input.case.provider.id in input.user.monitors
	input.case.provider.kind == "asp"
}

# M5
granted if {
	"prosecutions" in input.user.ministryTeams
	input.case.status == "open"
	input.case.prosecutionNotified
}

# S1
granted if {
	input.now >= 29536500
	input.case.student.enrolledAt in input.user.attendanceLeadAt
}

granted if {
	input.now >= 29536500
	input.case.student.enrolledAt in input.user.officeSupportAt
}

# S3; an attendance lead has it by S1
granted if {
	input.now >= 29536500
	input.case.status == "open"
	input.case.primaryContact == input.user.id
	input.case.student.enrolledAt in input.user.primaryContactAt
}

# P1; P3 and P4
granted if {
	cleared
	input.case.provider.id in input.user.workflowLeadAt
	bound(input.case.provider)
}

# P2; P3 and P4
granted if {
	cleared
	input.case.caseManager == input.user.id
	input.case.provider.id in input.user.caseManagerAt
	bound(input.case.provider)
}

# P5
granted if {
	cleared
	input.case.status == "open"
	input.case.provider.id in input.user.caseManagerAt
	input.user.id in input.case.team
	bound(input.case.provider)
}

# P6
granted if {
	cleared
	input.case.status == "closed"
	input.case.student.currentProvider.id in input.user.workflowLeadAt
	bound(input.case.student.currentProvider)
}

granted if {
	cleared
	input.case.status == "closed"
	input.case.student.currentCaseManager == input.user.id
	input.case.student.currentProvider.id in input.user.caseManagerAt
	bound(input.case.student.currentProvider)
}

# G2
cleared if input.user.providerAccessFrom <= input.now

bound(provider) if provider.kind == "asp"

bound(provider) if {
	provider.kind == "isp"
	input.case.student.enrolledAt == provider.school
}
