-- Types are followed from domains to their base types and from arrays to their elements,
-- as a cast may be found on any level.
WITH RECURSIVE asked AS (
    SELECT c.relkind, c.reloftype, a.*,
           pg_catalog.to_regtype(%s::pg_catalog.text)::pg_catalog.oid AS new_type, pg_catalog.to_regcollation(%s::pg_catalog.text)::pg_catalog.oid AS collation
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = %s::pg_catalog.name AND a.attnum > 0 AND NOT a.attisdropped
    WHERE c.oid = relation(%s)
), reached (oid) AS (
    SELECT t.oid FROM asked JOIN pg_catalog.pg_type t ON t.oid IN (asked.atttypid, asked.new_type)
    UNION
    SELECT next.oid
    FROM reached
    JOIN pg_catalog.pg_type t ON t.oid = reached.oid
    JOIN pg_catalog.pg_type next ON next.oid = t.typbasetype
                      OR next.oid = t.typelem AND t.typsubscript::pg_catalog.oid = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc::pg_catalog.oid
)
SELECT asked.attrelid::bigint, asked.relkind::pg_catalog.text, asked.reloftype <> 0::pg_catalog.oid,
       asked.attinhcount > 0, asked.attidentity <> '', asked.attgenerated <> '',
       asked.atttypid::bigint, asked.atttypmod, asked.attcollation::bigint,
       pg_catalog.format_type(asked.atttypid, asked.atttypmod),
       asked.new_type::bigint, asked.collation::bigint,
       NOT EXISTS (SELECT FROM pg_catalog.pg_collation k
                   WHERE NOT k.collisdeterministic
                     AND k.oid IN (asked.attcollation, coalesce(asked.collation, (
                         SELECT typcollation FROM pg_catalog.pg_type t WHERE t.oid = asked.new_type)))),
       pg_catalog.current_setting('TimeZone'),
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'oid', t.oid::bigint,
            'kind', t.typtype,
            'category', t.typcategory,
            'base', CASE WHEN t.typtype = 'd' THEN t.typbasetype::bigint END,
            'base_typmod', t.typtypmod,
            'element', CASE
                WHEN t.typsubscript::pg_catalog.oid = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc::pg_catalog.oid
                THEN t.typelem::bigint END,
            'constrained', t.typnotnull OR EXISTS (
                SELECT FROM pg_catalog.pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c'),
            'collation', t.typcollation::bigint,
            'typmod_in', (
                SELECT pg_catalog.format('%%I.%%I', n.nspname, p.proname)
                FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
                WHERE p.oid = t.typmodin::pg_catalog.oid)))
        FROM pg_catalog.pg_type t WHERE t.oid IN (SELECT oid FROM reached))::pg_catalog.text,
       (SELECT pg_catalog.json_agg(pg_catalog.json_build_object(
            'source', k.castsource::bigint,
            'target', k.casttarget::bigint,
            'method', k.castmethod,
            'context', k.castcontext,
            'support', (
                SELECT s.proname
                FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_proc s ON s.oid = p.prosupport::pg_catalog.oid
                WHERE p.oid = k.castfunc
                  AND s.pronamespace = 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid)))
        FROM pg_catalog.pg_cast k
        WHERE k.castsource IN (SELECT oid FROM reached) AND k.casttarget IN (SELECT oid FROM reached))::pg_catalog.text
FROM asked
