-- P1, P3, P4, P6 of a workflow lead.
c.status IN ('open', 'closed') AND (
    (c.provider IN (SELECT value FROM user_workflow_lead_at WHERE user_id = ?1) AND EXISTS (
        SELECT 1 FROM provider p WHERE p.id = c.provider AND (p.kind = 'asp' OR (p.kind = 'isp'
            AND p.school = (SELECT enrolled_at FROM student WHERE id = c.student)))))
    OR (c.status = 'closed' AND c.student IN (
        SELECT s.id FROM student s JOIN provider p ON p.id = s.current_provider
        WHERE s.current_provider IN (SELECT value FROM user_workflow_lead_at WHERE user_id = ?1)
            AND (p.kind = 'asp' OR (p.kind = 'isp' AND p.school = s.enrolled_at)))))
