-- Types are followed from domains to their base types and from arrays to their elements,
-- as a cast may be found on any level.
WITH RECURSIVE asked AS (
    SELECT c.relkind, c.reloftype, a.*,
           to_regtype(%s::text)::oid AS new_type, to_regcollation(%s::text)::oid AS collation
    FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = %s::name AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.oid = relation(%s)
), reached (oid) AS (
    SELECT t.oid FROM asked JOIN pg_type t ON t.oid IN (asked.atttypid, asked.new_type)
    UNION
    SELECT next.oid
    FROM reached
    JOIN pg_type t ON t.oid = reached.oid
    JOIN pg_type next ON next.oid = t.typbasetype
                      OR next.oid = t.typelem AND t.typsubscript = 'array_subscript_handler'::regproc
)
SELECT asked.attrelid::bigint, asked.relkind::text, asked.reloftype <> 0,
       asked.attinhcount > 0, asked.attidentity <> '', asked.attgenerated <> '',
       asked.atttypid::bigint, asked.atttypmod, asked.attcollation::bigint,
       format_type(asked.atttypid, asked.atttypmod),
       asked.new_type::bigint, asked.collation::bigint,
       NOT EXISTS (SELECT FROM pg_collation k
                   WHERE NOT k.collisdeterministic
                     AND k.oid IN (asked.attcollation, coalesce(asked.collation, (
                         SELECT typcollation FROM pg_type t WHERE t.oid = asked.new_type)))),
       current_setting('TimeZone'),
       (SELECT json_agg(json_build_object(
            'oid', t.oid::bigint,
            'kind', t.typtype,
            'category', t.typcategory,
            'base', CASE WHEN t.typtype = 'd' THEN t.typbasetype::bigint END,
            'base_typmod', t.typtypmod,
            'element', CASE WHEN t.typsubscript = 'array_subscript_handler'::regproc THEN t.typelem::bigint END,
            'constrained', t.typnotnull OR EXISTS (
                SELECT FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'),
            'collation', t.typcollation::bigint,
            'typmod_in', CASE WHEN t.typmodin <> 0 THEN t.typmodin::regproc::text END))
        FROM pg_type t WHERE t.oid IN (SELECT oid FROM reached))::text,
       (SELECT json_agg(json_build_object(
            'source', k.castsource::bigint,
            'target', k.casttarget::bigint,
            'method', k.castmethod,
            'context', k.castcontext,
            'support', (
                SELECT p.prosupport::regproc::text FROM pg_proc p WHERE p.oid = k.castfunc AND p.prosupport <> 0)))
        FROM pg_cast k
        WHERE k.castsource IN (SELECT oid FROM reached) AND k.casttarget IN (SELECT oid FROM reached))::text
FROM asked
