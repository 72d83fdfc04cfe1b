-- S1.
c.status IN ('open', 'closed') AND c.student IN (
    SELECT id FROM student WHERE enrolled_at IN (
        SELECT value FROM user_attendance_lead_at WHERE user_id = ?1
        UNION ALL SELECT value FROM user_office_support_at WHERE user_id = ?1))
