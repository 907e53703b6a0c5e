-- column
-- What the catalogue says of one column.
SELECT a.attnotnull AS not_null,
       NOT EXISTS (
           SELECT FROM pg_catalog.pg_constraint n
           WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey[1] = a.attnum AND NOT n.convalidated
       ) AS not_null_valid,
       a.atthasdef AND a.attgenerated = '' AS has_default,
       a.attidentity <> '' AS identity,
       pg_catalog.format_type(a.atttypid, a.atttypmod) AS type
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = relation(%s) AND a.attname = %s AND a.attnum > 0 AND NOT a.attisdropped

-- is_row
-- Whether the values of a column are rows: of a composite type, or of a domain over one.
WITH RECURSIVE base AS (
    SELECT t.typtype, t.typbasetype
    FROM pg_catalog.pg_attribute a JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = relation(%s) AND a.attname = %s
    UNION ALL
    SELECT t.typtype, t.typbasetype FROM base JOIN pg_catalog.pg_type t ON t.oid = base.typbasetype
)
SELECT EXISTS (SELECT FROM base WHERE typtype = 'c')

-- exists
-- Whether there is a table of this name where the statement would look for it.
SELECT relation(%s) IS NOT NULL

-- same_table
-- Whether two names mean the same table.
SELECT relation(%s) = relation(%s)

-- size
-- About how many rows a table has with all that inherits from it, by the last ANALYZE, and its bytes; NULL where nobody
-- knows. pg_total_relation_size() waits behind ACCESS EXCLUSIVE, for as long as that is held or waited for: such a table
-- is as large as VACUUM or ANALYZE has last found it.
WITH RECURSIVE family(id) AS (
    SELECT relation(%s)
    UNION
    SELECT i.inhrelid FROM pg_catalog.pg_inherits i JOIN family f ON i.inhparent = f.id
), whole(id, kind, counted) AS MATERIALIZED (
    SELECT c.oid, c.relkind, c.reltuples FROM family f JOIN pg_catalog.pg_class c ON c.oid = f.id
), part(id) AS MATERIALIZED (
    SELECT w.id FROM whole w
    UNION ALL
    SELECT c.reltoastrelid FROM whole w JOIN pg_catalog.pg_class c ON c.oid = w.id
    UNION ALL
    SELECT i.indexrelid FROM whole w JOIN pg_catalog.pg_index i ON i.indrelid = w.id
)
SELECT (SELECT pg_catalog.sum(w.counted) FROM whole w WHERE w.counted >= 0::pg_catalog.float4 AND w.kind <> 'p')
           ::pg_catalog.int8 AS rows,
       CASE WHEN NOT EXISTS (
           SELECT FROM pg_catalog.pg_locks l JOIN part p ON l.relation = p.id
           WHERE l.mode = 'AccessExclusiveLock' AND l.pid <> pg_catalog.pg_backend_pid()
           AND l.database = (SELECT d.oid FROM pg_catalog.pg_database d
                             WHERE d.datname = pg_catalog.current_database())
       ) THEN (SELECT pg_catalog.sum(pg_catalog.pg_total_relation_size(w.id)) FROM whole w)::pg_catalog.int8
       WHEN NOT EXISTS (SELECT FROM whole w WHERE w.counted < 0::pg_catalog.float4 AND w.kind <> 'p')
       THEN (SELECT pg_catalog.sum(c.relpages) FROM part p JOIN pg_catalog.pg_class c ON c.oid = p.id)
           * pg_catalog.current_setting('block_size')::pg_catalog.int8
       END AS bytes,
       CASE WHEN NOT EXISTS (SELECT FROM whole w WHERE w.counted < 0::pg_catalog.float4 AND w.kind <> 'p')
       THEN (SELECT pg_catalog.sum(c.relpages) FROM whole w JOIN pg_catalog.pg_index i ON i.indrelid = w.id
             JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i')
           * pg_catalog.current_setting('block_size')::pg_catalog.int8
       END AS indexes

-- values
-- By the last ANALYZE, the bytes of a value of each column of a table, and how many values there are; if negative, in
-- parts of the rows.
SELECT s.attname::pg_catalog.text AS name, s.avg_width AS width, s.n_distinct::pg_catalog.float8 AS distinct
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname
WHERE c.oid = relation(%s)

-- nulls
-- About how many rows of a table have NULL in a column; all of them when nobody has counted.
SELECT (greatest(c.reltuples, 0::real) * coalesce(s.null_frac, 1::real))::bigint
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = %s
WHERE c.oid = relation(%s)

-- constraints
-- All constraints of a table, and the foreign keys of others that point to it. Tables are quoted as Django quotes them.
SELECT c.conname AS name,
       c.contype::pg_catalog.text AS kind,
       c.conrelid = relation(%s) AS own,
       CASE WHEN c.conrelid = relation(%s) THEN '' ELSE
           (SELECT CASE WHEN pg_catalog.pg_table_is_visible(r.oid) THEN pg_catalog.format('"%%s"', pg_catalog.replace(r.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text))
                        ELSE pg_catalog.format('"%%s"."%%s"', pg_catalog.replace(n.nspname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text), pg_catalog.replace(r.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text)) END
            FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = c.conrelid) END AS table,
       (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY k.ord) FROM pg_catalog.unnest(c.conkey) WITH ORDINALITY k(num, ord)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.num) AS columns,
       (SELECT CASE WHEN pg_catalog.pg_table_is_visible(r.oid) THEN pg_catalog.format('"%%s"', pg_catalog.replace(r.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text))
                    ELSE pg_catalog.format('"%%s"."%%s"', pg_catalog.replace(n.nspname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text), pg_catalog.replace(r.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text)) END
        FROM pg_catalog.pg_class r JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace WHERE r.oid = c.confrelid) AS to_table,
       (SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY k.ord) FROM pg_catalog.unnest(c.confkey) WITH ORDINALITY k(num, ord)
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.num) AS to_columns,
       c.condeferrable AS deferrable,
       c.condeferred AS deferred,
       c.confupdtype::pg_catalog.text AS on_update,
       c.confdeltype::pg_catalog.text AS on_delete,
       c.confmatchtype::pg_catalog.text AS match,
       c.convalidated AS valid,
       pg_catalog.pg_get_constraintdef(c.oid) AS definition,
       c.conparentid <> 0::pg_catalog.oid AS inherited,
       EXISTS (SELECT FROM pg_catalog.pg_constraint p WHERE p.oid = c.conparentid AND p.conrelid = c.conrelid) AS part,
       EXISTS (SELECT FROM pg_catalog.pg_class r WHERE r.oid = c.confrelid AND pg_catalog.pg_has_role(r.relowner, 'USAGE'))
           AND NOT EXISTS (SELECT FROM pg_catalog.pg_class r WHERE r.oid = c.conrelid AND pg_catalog.pg_has_role(r.relowner, 'USAGE')
                           AND pg_catalog.has_schema_privilege(r.relnamespace, 'USAGE')) AS out_of_reach,
       (SELECT d.description FROM pg_catalog.pg_description d
        WHERE d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid AND d.objoid = c.oid AND d.objsubid = 0::pg_catalog.int4) AS comment
FROM pg_catalog.pg_constraint c
WHERE (c.conrelid = relation(%s) OR (c.confrelid = relation(%s) AND c.contype = 'f')) AND c.conrelid <> 0::pg_catalog.oid
ORDER BY c.conrelid, c.conname

-- indexes
-- All indexes of a table with the columns that they touch as key, INCLUDE, expression or predicate.
SELECT r.relname AS name,
       ARRAY(SELECT coalesce(a.attname::pg_catalog.text, '') FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY k(num, ord)
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0
             WHERE k.ord <= i.indnkeyatts ORDER BY k.ord) AS keys,
       ARRAY(SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_depend d JOIN pg_catalog.pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
             WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objid = i.indexrelid AND d.refobjid = i.indrelid
             UNION
             SELECT a.attname::pg_catalog.text FROM pg_catalog.pg_attribute a WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)) AS touches,
       ARRAY(SELECT CASE WHEN o.opcdefault THEN '' ELSE o.opcname::pg_catalog.text END
             FROM pg_catalog.unnest(i.indclass) WITH ORDINALITY k(oid, ord) JOIN pg_catalog.pg_opclass o ON o.oid = k.oid ORDER BY k.ord) AS opclasses,
       i.indisunique AS unique,
       i.indisvalid AS valid,
       i.indexprs IS NULL AND i.indpred IS NULL AND i.indnatts = i.indnkeyatts AND m.amname = 'btree'
           AND NOT EXISTS (SELECT FROM pg_catalog.unnest(i.indoption) o WHERE o <> 0) AS plain,
       EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.conindid = i.indexrelid AND c.contype IN ('p', 'u', 'x')) AS of_constraint,
       r.reltablespace AS tablespace,
       r.relkind = 'I' AS partitioned
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class r ON r.oid = i.indexrelid
JOIN pg_catalog.pg_am m ON m.oid = r.relam
WHERE i.indrelid = relation(%s)
ORDER BY r.relname

-- partitions
-- A partitioned table and all its partitions, each after its parent; nothing for a table that is not partitioned. With
-- the columns of its own partition key, empty for an expression.
WITH RECURSIVE tree AS (
    SELECT c.oid, c.relkind, 0::pg_catalog.oid AS parent, ARRAY[]::pg_catalog.oid[] AS path
    FROM pg_catalog.pg_class c WHERE c.oid = relation(%s) AND c.relkind = 'p'
    UNION ALL
    SELECT c.oid, c.relkind, t.oid, pg_catalog.array_append(t.path, c.oid)
    FROM tree t
    JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid AND NOT i.inhdetachpending
    JOIN pg_catalog.pg_class c ON c.oid = i.inhrelid
)
SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN pg_catalog.format('"%%s"', pg_catalog.replace(c.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text))
            ELSE pg_catalog.format('"%%s"."%%s"', pg_catalog.replace(n.nspname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text), pg_catalog.replace(c.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text)) END AS table,
       CASE WHEN p.oid IS NULL THEN ''
            WHEN pg_catalog.pg_table_is_visible(p.oid) THEN pg_catalog.format('"%%s"', pg_catalog.replace(p.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text))
            ELSE pg_catalog.format('"%%s"."%%s"', pg_catalog.replace(s.nspname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text), pg_catalog.replace(p.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text)) END AS parent,
       t.relkind::pg_catalog.text AS kind,
       ARRAY(SELECT coalesce(a.attname::pg_catalog.text, '')
             FROM pg_catalog.pg_partitioned_table k CROSS JOIN pg_catalog.unnest(k.partattrs) WITH ORDINALITY x(num, ord)
             LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = k.partrelid AND a.attnum = x.num AND x.num > 0
             WHERE k.partrelid = t.oid ORDER BY x.ord) AS key
FROM tree t
JOIN pg_catalog.pg_class c ON c.oid = t.oid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_catalog.pg_class p ON p.oid = t.parent
LEFT JOIN pg_catalog.pg_namespace s ON s.oid = p.relnamespace
ORDER BY t.path

-- index_parts
-- The parts of an index of a partitioned table, with the partitions that have them.
SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN pg_catalog.format('"%%s"', pg_catalog.replace(c.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text))
            ELSE pg_catalog.format('"%%s"."%%s"', pg_catalog.replace(n.nspname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text), pg_catalog.replace(c.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text)) END AS partition,
       p.relname::pg_catalog.text AS name
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class r ON r.oid = i.indexrelid
CROSS JOIN LATERAL pg_catalog.pg_partition_tree(r.oid) t
JOIN pg_catalog.pg_class p ON p.oid = t.relid::pg_catalog.oid
JOIN pg_catalog.pg_index x ON x.indexrelid = p.oid
JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE i.indrelid = relation(%s) AND r.relname = %s AND t.level > 0

-- index_columns
-- The names that the server gave the columns of the one index of a table.
SELECT pg_catalog.array_agg(a.attname::pg_catalog.text ORDER BY a.attnum) AS names
FROM pg_catalog.pg_index i JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indexrelid
WHERE i.indrelid = relation(%s)

-- equal_indexes
-- Valid indexes of partitions that are what the one index of another table is, as the server compares them when it looks
-- for one to attach (CompareIndexInfo), in the order in which it would find them; with the type of their constraint.
WITH RECURSIVE tree AS (
    SELECT relation(%s) AS oid
    UNION ALL
    SELECT i.inhrelid FROM tree t JOIN pg_catalog.pg_inherits i ON i.inhparent = t.oid
), described AS (
    SELECT i.indexrelid, i.indrelid, r.relname, ROW(
               r.relam, i.indisunique, coalesce(pg_catalog.to_jsonb(i)->>'indnullsnotdistinct'::pg_catalog.text, 'false'), i.indisexclusion,
               i.indnkeyatts,
               ARRAY(SELECT coalesce(a.attname::pg_catalog.text, '') FROM pg_catalog.unnest(i.indkey) WITH ORDINALITY k(num, ord)
                     LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.num AND k.num > 0
                     ORDER BY k.ord),
               ARRAY(SELECT o.opcfamily FROM pg_catalog.unnest(i.indclass) WITH ORDINALITY k(oid, ord)
                     JOIN pg_catalog.pg_opclass o ON o.oid = k.oid ORDER BY k.ord),
               i.indcollation::pg_catalog.text,
               pg_catalog.pg_get_expr(i.indexprs, i.indrelid),
               pg_catalog.pg_get_expr(i.indpred, i.indrelid)
           )::pg_catalog.text AS definition
    FROM pg_catalog.pg_index i
    JOIN pg_catalog.pg_class r ON r.oid = i.indexrelid
    WHERE i.indisvalid AND NOT r.relispartition
    AND (i.indrelid IN (SELECT oid FROM tree) OR i.indrelid = relation(%s))
)
SELECT CASE WHEN pg_catalog.pg_table_is_visible(c.oid) THEN pg_catalog.format('"%%s"', pg_catalog.replace(c.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text))
            ELSE pg_catalog.format('"%%s"."%%s"', pg_catalog.replace(n.nspname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text), pg_catalog.replace(c.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text)) END AS table,
       d.relname::pg_catalog.text AS name,
       coalesce((SELECT k.contype::pg_catalog.text FROM pg_catalog.pg_constraint k
                 WHERE k.conindid = d.indexrelid AND k.conrelid = d.indrelid AND k.contype IN ('p', 'u', 'x')), '') AS kind
FROM described d
JOIN described wanted ON wanted.definition = d.definition AND wanted.indrelid = relation(%s)
JOIN pg_catalog.pg_class c ON c.oid = d.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE d.indrelid IN (SELECT oid FROM tree) AND d.indrelid <> relation(%s)
ORDER BY d.indexrelid

-- triggers
-- Triggers of a table that have a column in their condition or events and a name that begins like this: their
-- definitions.
SELECT DISTINCT g.tgname::pg_catalog.text AS name, pg_catalog.pg_get_triggerdef(g.oid) AS definition
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_depend d ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
JOIN pg_catalog.pg_trigger g ON d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid AND g.oid = d.objid
WHERE a.attrelid = relation(%s) AND a.attname = %s AND NOT g.tgisinternal AND pg_catalog.starts_with(g.tgname, %s)
ORDER BY 1

-- taken
-- Whether the schema of a table has a constraint of this name, and whether it has a relation.
SELECT EXISTS (SELECT FROM pg_catalog.pg_constraint c WHERE c.connamespace = t.relnamespace AND c.conname = %s::pg_catalog.name) AS by_constraint,
       EXISTS (SELECT FROM pg_catalog.pg_class r WHERE r.relnamespace = t.relnamespace AND r.relname = %s::pg_catalog.name) AS by_relation
FROM pg_catalog.pg_class t
WHERE t.oid = relation(%s)

-- is_unfinished
-- Whether an index of this name belongs to the table, is INVALID, and is no part of another.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class r ON r.oid = i.indexrelid
    WHERE i.indrelid = relation(%s) AND r.relname = %s AND NOT i.indisvalid
    AND NOT EXISTS (SELECT FROM pg_catalog.pg_inherits h WHERE h.inhrelid = i.indexrelid)
)

-- schema_apart
-- The schema of a table, unless it is the first one in which a name without schema is looked for.
SELECT n.nspname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = relation(%s) AND n.nspname IS DISTINCT FROM pg_catalog.current_schema()

-- sequence_owner
-- The table of the column that a sequence belongs to, and whether it is that of an identity.
SELECT CASE WHEN pg_catalog.pg_table_is_visible(r.oid) THEN pg_catalog.format('"%%s"', pg_catalog.replace(r.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text))
            ELSE pg_catalog.format('"%%s"."%%s"', pg_catalog.replace(n.nspname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text), pg_catalog.replace(r.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text)) END AS table,
       d.deptype = 'i' AS identity
FROM pg_catalog.pg_depend d
JOIN pg_catalog.pg_class r ON r.oid = d.refobjid
JOIN pg_catalog.pg_namespace n ON n.oid = r.relnamespace
WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objid = relation(%s)
AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjsubid > 0 AND d.deptype IN ('a', 'i')
