-- P2 to P6 of a case manager.
c.status IN ('open', 'closed') AND (
    ((c.case_manager = ?1 OR (c.status = 'open' AND c.id IN (
            SELECT case_id FROM case_team WHERE value = ?1)))
        AND c.provider IN (SELECT value FROM user_case_manager_at WHERE user_id = ?1) AND EXISTS (
            SELECT 1 FROM provider p WHERE p.id = c.provider AND (p.kind = 'asp' OR (p.kind = 'isp'
                AND p.school = (SELECT enrolled_at FROM student WHERE id = c.student)))))
    OR (c.status = 'closed' AND c.student IN (
        SELECT s.id FROM student s JOIN provider p ON p.id = s.current_provider
        WHERE s.current_case_manager = ?1
            AND s.current_provider IN (SELECT value FROM user_case_manager_at WHERE user_id = ?1)
            AND (p.kind = 'asp' OR (p.kind = 'isp' AND p.school = s.enrolled_at)))))
