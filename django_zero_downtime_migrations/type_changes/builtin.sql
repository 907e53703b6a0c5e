-- What the server says of its own types, in the form in which builtin.json has it: a test compares the two.
WITH chosen AS (
    SELECT t.oid FROM pg_catalog.pg_type t
    WHERE t.typnamespace = 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid AND t.oid < 10000::pg_catalog.oid AND t.typname IN (
        'bool', 'bytea', 'char', 'name', 'int2', 'int4', 'int8', 'text', 'oid', 'json', 'jsonb', 'xml', 'float4', 'float8',
        'money', 'macaddr', 'macaddr8', 'inet', 'cidr', 'bpchar', 'varchar', 'date', 'time', 'timetz', 'timestamp',
        'timestamptz', 'interval', 'bit', 'varbit', 'numeric', 'uuid', 'tsvector', 'tsquery', 'point', 'line', 'lseg', 'box',
        'path', 'polygon', 'circle', 'int4range', 'int8range', 'numrange', 'daterange', 'tsrange', 'tstzrange')
), reached AS (
    SELECT oid FROM chosen UNION SELECT t.typarray FROM pg_catalog.pg_type t JOIN chosen USING (oid)
)
SELECT pg_catalog.json_build_object(
    'types', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
            t.oid::bigint, t.typname, t.typtype, t.typcategory,
            CASE WHEN t.typsubscript::pg_catalog.oid = 'pg_catalog.array_subscript_handler'::pg_catalog.regproc::pg_catalog.oid THEN t.typelem::bigint END,
            t.typcollation::bigint, t.typispreferred) ORDER BY t.oid)
        FROM pg_catalog.pg_type t JOIN reached USING (oid)),
    'casts', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(
            k.castsource::bigint, k.casttarget::bigint, k.castmethod, k.castcontext,
            (SELECT s.proname
             FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_proc s ON s.oid = p.prosupport::pg_catalog.oid
             WHERE p.oid = k.castfunc AND s.pronamespace = 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid))
            ORDER BY k.castsource, k.casttarget)
        FROM pg_catalog.pg_cast k WHERE k.castsource IN (TABLE reached) AND k.casttarget IN (TABLE reached)),
    'classes', (SELECT pg_catalog.json_agg(pg_catalog.json_build_array(m.amname, o.opcname, i.typname, o.opcdefault)
            ORDER BY m.amname, o.opcname, i.typname)
        FROM pg_catalog.pg_opclass o JOIN pg_catalog.pg_am m ON m.oid = o.opcmethod JOIN pg_catalog.pg_type i ON i.oid = o.opcintype
        WHERE o.opcnamespace = 'pg_catalog'::pg_catalog.regnamespace::pg_catalog.oid AND m.amname IN ('btree', 'hash', 'gin', 'gist', 'spgist', 'brin')
        AND (o.opcintype IN (TABLE reached) OR i.typname IN ('anyarray', 'anyenum', 'anyrange')))
)::pg_catalog.text
