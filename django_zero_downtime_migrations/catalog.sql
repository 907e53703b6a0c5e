-- column
-- What the catalogue says of one column.
SELECT a.attnotnull,
       NOT EXISTS (
           SELECT FROM pg_constraint n
           WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey = ARRAY[a.attnum] AND NOT n.convalidated
       ),
       a.atthasdef AND a.attgenerated = '',
       a.attidentity <> '',
       format_type(a.atttypid, a.atttypmod)
FROM pg_attribute a
WHERE a.attrelid = relation(%s) AND a.attname = %s AND a.attnum > 0 AND NOT a.attisdropped

-- exists
-- Whether there is a table of this name where the statement would look for it.
SELECT relation(%s) IS NOT NULL

-- same_table
-- Whether two names mean the same table.
SELECT relation(%s) = relation(%s)

-- nulls
-- About how many rows of a table have NULL in a column; all of them when nobody has counted.
SELECT (greatest(c.reltuples, 0) * coalesce(s.null_frac, 1))::bigint
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = %s
WHERE c.oid = relation(%s)

-- constraints
-- All constraints of a table, and the foreign keys of others that point to it. Tables are quoted as Django quotes them.
SELECT c.conname,
       c.contype::text,
       c.conrelid = relation(%s),
       CASE WHEN c.conrelid = relation(%s) THEN '' ELSE
           (SELECT CASE WHEN pg_table_is_visible(r.oid) THEN format('"%%s"', replace(r.relname, '"', '""'))
                        ELSE format('"%%s"."%%s"', replace(n.nspname, '"', '""'), replace(r.relname, '"', '""')) END
            FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = c.conrelid) END,
       (SELECT array_agg(a.attname::text ORDER BY k.ord) FROM unnest(c.conkey) WITH ORDINALITY k(num, ord)
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num),
       (SELECT CASE WHEN pg_table_is_visible(r.oid) THEN format('"%%s"', replace(r.relname, '"', '""'))
                    ELSE format('"%%s"."%%s"', replace(n.nspname, '"', '""'), replace(r.relname, '"', '""')) END
        FROM pg_class r JOIN pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = c.confrelid),
       (SELECT array_agg(a.attname::text ORDER BY k.ord) FROM unnest(c.confkey) WITH ORDINALITY k(num, ord)
        JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num),
       c.condeferrable, c.condeferred, c.confupdtype::text, c.confdeltype::text, c.confmatchtype::text,
       c.convalidated,
       pg_get_constraintdef(c.oid),
       c.conparentid <> 0,
       EXISTS (SELECT FROM pg_constraint p WHERE p.oid = c.conparentid AND p.conrelid = c.conrelid),
       EXISTS (SELECT FROM pg_class r WHERE r.oid = c.confrelid AND pg_has_role(r.relowner, 'USAGE'))
           AND NOT EXISTS (SELECT FROM pg_class r WHERE r.oid = c.conrelid AND pg_has_role(r.relowner, 'USAGE')
                           AND has_schema_privilege(r.relnamespace, 'USAGE'))
FROM pg_constraint c
WHERE (c.conrelid = relation(%s) OR (c.confrelid = relation(%s) AND c.contype = 'f')) AND c.conrelid <> 0
ORDER BY c.conrelid, c.conname

-- indexes
-- All indexes of a table with the columns that they touch as key, INCLUDE, expression or predicate.
SELECT r.relname,
       ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey) WITH ORDINALITY k(num, ord)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0
             WHERE k.ord <= i.indnkeyatts ORDER BY k.ord),
       ARRAY(SELECT a.attname::text FROM pg_depend d JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = i.indrelid
             UNION
             SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)),
       ARRAY(SELECT CASE WHEN o.opcdefault THEN '' ELSE o.opcname::text END
             FROM unnest(i.indclass) WITH ORDINALITY k(oid, ord) JOIN pg_opclass o ON o.oid = k.oid ORDER BY k.ord),
       i.indisunique,
       i.indisvalid,
       i.indexprs IS NULL AND i.indpred IS NULL AND i.indnatts = i.indnkeyatts AND m.amname = 'btree'
           AND NOT EXISTS (SELECT FROM unnest(i.indoption) o WHERE o <> 0),
       EXISTS (SELECT FROM pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')),
       r.reltablespace,
       r.relkind = 'I'
FROM pg_index i
JOIN pg_class r ON r.oid = i.indexrelid
JOIN pg_am m ON m.oid = r.relam
WHERE i.indrelid = relation(%s)
ORDER BY r.relname

-- partitions
-- A partitioned table and all its partitions, each after its parent; nothing for a table that is not partitioned. With
-- the columns of its own partition key, empty for an expression.
WITH RECURSIVE tree AS (
    SELECT c.oid, c.relkind, 0::oid AS parent, ARRAY[]::oid[] AS path
    FROM pg_class c WHERE c.oid = relation(%s) AND c.relkind = 'p'
    UNION ALL
    SELECT c.oid, c.relkind, t.oid, t.path || c.oid
    FROM tree t
    JOIN pg_inherits i ON i.inhparent = t.oid AND NOT i.inhdetachpending
    JOIN pg_class c ON c.oid = i.inhrelid
)
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN format('"%%s"', replace(c.relname, '"', '""'))
            ELSE format('"%%s"."%%s"', replace(n.nspname, '"', '""'), replace(c.relname, '"', '""')) END,
       CASE WHEN p.oid IS NULL THEN ''
            WHEN pg_table_is_visible(p.oid) THEN format('"%%s"', replace(p.relname, '"', '""'))
            ELSE format('"%%s"."%%s"', replace(s.nspname, '"', '""'), replace(p.relname, '"', '""')) END,
       t.relkind::text,
       ARRAY(SELECT coalesce(a.attname::text, '')
             FROM pg_partitioned_table k CROSS JOIN unnest(k.partattrs) WITH ORDINALITY x(num, ord)
             LEFT JOIN pg_attribute a ON a.attrelid = k.partrelid AND a.attnum = x.num AND x.num > 0
             WHERE k.partrelid = t.oid ORDER BY x.ord)
FROM tree t
JOIN pg_class c ON c.oid = t.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class p ON p.oid = t.parent
LEFT JOIN pg_namespace s ON s.oid = p.relnamespace
ORDER BY t.path

-- index_parts
-- The parts of an index of a partitioned table, with the partitions that have them.
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN format('"%%s"', replace(c.relname, '"', '""'))
            ELSE format('"%%s"."%%s"', replace(n.nspname, '"', '""'), replace(c.relname, '"', '""')) END,
       p.relname::text
FROM pg_index i
JOIN pg_class r ON r.oid = i.indexrelid
CROSS JOIN LATERAL pg_partition_tree(r.oid) t
JOIN pg_class p ON p.oid = t.relid
JOIN pg_index x ON x.indexrelid = p.oid
JOIN pg_class c ON c.oid = x.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = relation(%s) AND r.relname = %s AND t.level > 0

-- index_columns
-- The names that the server gave the columns of the one index of a table.
SELECT array_agg(a.attname::text ORDER BY a.attnum)
FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indexrelid
WHERE i.indrelid = relation(%s)

-- equal_indexes
-- Valid indexes of partitions that are what the one index of another table is, as the server compares them when it looks
-- for one to attach (CompareIndexInfo), in the order in which it would find them; with the type of their constraint.
WITH RECURSIVE tree AS (
    SELECT relation(%s) AS oid
    UNION ALL
    SELECT i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid
), described AS (
    SELECT i.indexrelid, i.indrelid, r.relname, ROW(
               r.relam, i.indisunique, coalesce(to_jsonb(i)->>'indnullsnotdistinct', 'false'), i.indisexclusion,
               i.indnkeyatts,
               ARRAY(SELECT coalesce(a.attname::text, '') FROM unnest(i.indkey) WITH ORDINALITY k(num, ord)
                     LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0
                     ORDER BY k.ord),
               ARRAY(SELECT o.opcfamily FROM unnest(i.indclass) WITH ORDINALITY k(oid, ord)
                     JOIN pg_opclass o ON o.oid = k.oid ORDER BY k.ord),
               i.indcollation::text,
               pg_get_expr(i.indexprs, i.indrelid),
               pg_get_expr(i.indpred, i.indrelid)
           )::text AS definition
    FROM pg_index i
    JOIN pg_class r ON r.oid = i.indexrelid
    WHERE i.indisvalid AND NOT r.relispartition
    AND (i.indrelid IN (SELECT oid FROM tree) OR i.indrelid = relation(%s))
)
SELECT CASE WHEN pg_table_is_visible(c.oid) THEN format('"%%s"', replace(c.relname, '"', '""'))
            ELSE format('"%%s"."%%s"', replace(n.nspname, '"', '""'), replace(c.relname, '"', '""')) END,
       d.relname::text,
       coalesce((SELECT k.contype::text FROM pg_constraint k
                 WHERE k.conindid = d.indexrelid AND k.conrelid = d.indrelid AND k.contype IN ('p', 'u', 'x')), '')
FROM described d
JOIN described wanted ON wanted.definition = d.definition AND wanted.indrelid = relation(%s)
JOIN pg_class c ON c.oid = d.indrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE d.indrelid IN (SELECT oid FROM tree) AND d.indrelid <> relation(%s)
ORDER BY d.indexrelid

-- dependents
-- Views, rules and generated columns that read a column.
SELECT DISTINCT CASE WHEN v.relkind = 'm' THEN 'materialized view ' ELSE 'view ' END || v.oid::regclass::text
FROM pg_attribute a
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
JOIN pg_class v ON v.oid = w.ev_class
WHERE a.attrelid = relation(%s) AND a.attname = %s AND NOT a.attisdropped
UNION ALL
SELECT DISTINCT 'generated column ' || quote_ident(g.attname)
FROM pg_attribute a
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
JOIN pg_attrdef e ON d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid
JOIN pg_attribute g ON g.attrelid = e.adrelid AND g.attnum = e.adnum
WHERE a.attrelid = relation(%s) AND a.attname = %s AND NOT a.attisdropped AND g.attgenerated <> '' AND g.attnum <> a.attnum

-- triggers
-- Triggers of a table that have a column in their condition or events and a name that begins like this: their
-- definitions.
SELECT DISTINCT g.tgname::text, pg_get_triggerdef(g.oid)
FROM pg_attribute a
JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
WHERE a.attrelid = relation(%s) AND a.attname = %s AND NOT g.tgisinternal AND starts_with(g.tgname, %s)
ORDER BY 1

-- name_taken
-- Whether the schema of a table has a constraint of this name, and whether it has a relation.
SELECT EXISTS (SELECT FROM pg_constraint c WHERE c.connamespace = t.relnamespace AND c.conname = %s),
       EXISTS (SELECT FROM pg_class r WHERE r.relnamespace = t.relnamespace AND r.relname = %s)
FROM pg_class t
WHERE t.oid = relation(%s)

-- is_unfinished
-- Whether an index of this name belongs to the table, is INVALID, and is no part of another.
SELECT EXISTS (
    SELECT FROM pg_index i JOIN pg_class r ON r.oid = i.indexrelid
    WHERE i.indrelid = relation(%s) AND r.relname = %s AND NOT i.indisvalid
    AND NOT EXISTS (SELECT FROM pg_inherits h WHERE h.inhrelid = i.indexrelid)
)

-- schema_apart
-- The schema of a table, unless it is the first one in which a name without schema is looked for.
SELECT n.nspname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = relation(%s) AND n.nspname IS DISTINCT FROM current_schema()

-- sequence_owner
-- The table of the column that a sequence belongs to, and whether it is that of an identity.
SELECT CASE WHEN pg_table_is_visible(r.oid) THEN format('"%%s"', replace(r.relname, '"', '""'))
            ELSE format('"%%s"."%%s"', replace(n.nspname, '"', '""'), replace(r.relname, '"', '""')) END,
       d.deptype = 'i'
FROM pg_depend d
JOIN pg_class r ON r.oid = d.refobjid
JOIN pg_namespace n ON n.oid = r.relnamespace
WHERE d.classid = 'pg_class'::regclass AND d.objid = relation(%s)
AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
