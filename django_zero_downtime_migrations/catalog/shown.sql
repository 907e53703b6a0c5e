-- shown
-- The table that a view shows, and each of its columns that is one of the table's, with the name that this has there.
-- Where it comes from stands in the tree of the view's query.
SELECT CASE WHEN pg_catalog.pg_table_is_visible(b.oid) THEN pg_catalog.format('"%%s"', pg_catalog.replace(b.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text))
            ELSE pg_catalog.format('"%%s"."%%s"', pg_catalog.replace(n.nspname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text), pg_catalog.replace(b.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text)) END AS table,
       b.relname::pg_catalog.text AS name,
       a.attname::pg_catalog.text AS column,
       o.attname::pg_catalog.text AS of_table
FROM pg_catalog.pg_class v
JOIN pg_catalog.pg_rewrite r ON r.ev_class = v.oid AND r.rulename = '_RETURN'
CROSS JOIN LATERAL pg_catalog.regexp_split_to_table(r.ev_action::pg_catalog.text, ':resno '::pg_catalog.text) t(entry)
JOIN pg_catalog.pg_attribute a ON a.attrelid = v.oid
     AND a.attnum::pg_catalog.text = substring(t.entry FROM '^[0-9]+'::pg_catalog.text)
JOIN pg_catalog.pg_class b ON b.oid::pg_catalog.text = substring(t.entry FROM ' :resorigtbl ([0-9]+) '::pg_catalog.text)
JOIN pg_catalog.pg_namespace n ON n.oid = b.relnamespace
JOIN pg_catalog.pg_attribute o ON o.attrelid = b.oid
     AND o.attnum::pg_catalog.text = substring(t.entry FROM ' :resorigcol ([0-9]+) '::pg_catalog.text)
WHERE v.oid = relation(%s) AND v.relkind = 'v'
ORDER BY a.attnum

-- rights
-- The owner of a table, what others may do with it or with a column, and to whom default privileges give what the role
-- makes. `kind` says which.
SELECT 'owner' AS kind, o.rolname::pg_catalog.text AS role, '' AS privilege, '' AS column, o.rolname <> CURRENT_USER AS more
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_roles o ON o.oid = c.relowner
WHERE c.oid = relation(%s)
UNION ALL
SELECT 'row security', '', '', '', false
FROM pg_catalog.pg_class c WHERE c.oid = relation(%s) AND c.relrowsecurity
UNION ALL
SELECT DISTINCT 'default', coalesce(g.rolname::pg_catalog.text, ''), '', '', false
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_roles u ON u.rolname = CURRENT_USER
JOIN pg_catalog.pg_default_acl d ON d.defaclrole = u.oid AND d.defaclobjtype = 'r'
     AND (d.defaclnamespace = c.relnamespace OR d.defaclnamespace = 0::pg_catalog.oid)
CROSS JOIN LATERAL pg_catalog.aclexplode(d.defaclacl) x
LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee
WHERE c.oid = relation(%s) AND x.grantee <> u.oid
UNION ALL
SELECT 'grant', coalesce(g.rolname::pg_catalog.text, ''), x.privilege_type, w.column, x.is_grantable
FROM pg_catalog.pg_class c
CROSS JOIN LATERAL (
    SELECT '' AS column, c.relacl AS acl
    UNION ALL
    SELECT a.attname::pg_catalog.text, a.attacl
    FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
) w
CROSS JOIN LATERAL pg_catalog.aclexplode(w.acl) x
LEFT JOIN pg_catalog.pg_roles g ON g.oid = x.grantee
WHERE c.oid = relation(%s) AND x.grantee <> c.relowner
AND x.privilege_type IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
ORDER BY 1, 2, 4, 3

-- against_a_view
-- What of a table would not work with a view in its place, in words. A subscriber knows a table by its name; a trigger
-- may do so. Before version 15 a view shows what its owner may see.
WITH RECURSIVE part (id) AS (
    SELECT relation(%s)
    UNION
    SELECT i.inhrelid FROM part p JOIN pg_catalog.pg_inherits i ON i.inhparent = p.id
)
SELECT DISTINCT pg_catalog.format('publication %%I has it, and its subscribers know it by its name', p.pubname) AS why
FROM part
JOIN pg_catalog.pg_class c ON c.oid = part.id
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_publication_tables t ON t.schemaname = n.nspname AND t.tablename = c.relname
JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname
UNION ALL
SELECT DISTINCT pg_catalog.format('trigger %%I calls %%s, which goes by the name of its table', g.tgname, f.oid::pg_catalog.regprocedure)
FROM part
JOIN pg_catalog.pg_trigger g ON g.tgrelid = part.id AND NOT g.tgisinternal
JOIN pg_catalog.pg_proc f ON f.oid = g.tgfoid
WHERE f.prosrc ~* 'tg_table_name|tg_relname|table_name|relname'
UNION ALL
SELECT 'its row security would not apply to who reads a view, before PostgreSQL 15'
FROM part JOIN pg_catalog.pg_class c ON c.oid = part.id
WHERE c.relrowsecurity AND pg_catalog.current_setting('server_version_num')::pg_catalog.int4 < 150000
UNION ALL
SELECT DISTINCT 'it has row security, and privileges on single columns, with which nobody could read a view'
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND NOT a.attisdropped
WHERE c.oid = (SELECT id FROM part LIMIT 1) AND c.relrowsecurity AND a.attacl IS NOT NULL
UNION ALL
SELECT 'it is no table'
FROM pg_catalog.pg_class c
WHERE c.oid = (SELECT id FROM part LIMIT 1) AND c.relkind NOT IN ('r', 'p')
ORDER BY 1

-- row_triggers
-- The row triggers that an UPDATE of a table, or of one of its partitions, fires; NULL for any column. Those of this
-- package, and the server's own, are left out.
SELECT g.tgname::pg_catalog.text AS name,
       (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text) FROM pg_catalog.unnest(g.tgattr::pg_catalog.int2[]) k(num)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = g.tgrelid AND a.attnum = k.num) AS columns
FROM pg_catalog.pg_trigger g
WHERE (g.tgrelid = relation(%s)
       OR g.tgrelid IN (SELECT f.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(relation(%s)::pg_catalog.regclass) f))
  AND NOT g.tgisinternal AND g.tgtype & 17::pg_catalog.int2 = 17::pg_catalog.int2 AND g.tgenabled IN ('O', 'A')
  AND g.tgname::pg_catalog.text !~ '_[0-9a-f]{8}_zdm_[a-z0-9_]+$'
ORDER BY 1

-- publications
-- The publications that have a table or one of its partitions; `whole` is without a list of columns (PostgreSQL 15).
SELECT p.pubname::pg_catalog.text AS name, pg_catalog.bool_or(l.columns IS NULL) AS whole, pg_catalog.bool_or(p.pubupdate) AS updates
FROM pg_catalog.pg_publication_tables t
JOIN pg_catalog.pg_publication p ON p.pubname = t.pubname
JOIN pg_catalog.pg_namespace n ON n.nspname = t.schemaname
JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid AND c.relname = t.tablename
LEFT JOIN pg_catalog.pg_publication_rel r ON r.prpubid = p.oid AND r.prrelid IN (c.oid, relation(%s))
CROSS JOIN LATERAL (SELECT pg_catalog.to_jsonb(r) ->> 'prattrs'::pg_catalog.text AS columns) l
WHERE c.oid = relation(%s)
   OR c.oid IN (SELECT f.relid::pg_catalog.oid FROM pg_catalog.pg_partition_tree(relation(%s)::pg_catalog.regclass) f)
GROUP BY 1
ORDER BY 1
