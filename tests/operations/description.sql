-- What pg_dump --schema-only would show of the tables, a line each; in milliseconds instead of a tenth of a second.
WITH own AS (
    SELECT n.oid FROM pg_namespace n WHERE n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\_%'
),
relations AS (
    SELECT c.*, s.spcname FROM pg_class c JOIN own ON own.oid = c.relnamespace LEFT JOIN pg_tablespace s ON s.oid = c.reltablespace
),
lines(line) AS (
    SELECT concat_ws(' | ', r.relkind, r.oid::regclass, r.spcname, r.reloptions::text, obj_description(r.oid, 'pg_class'),
                     r.relpersistence, r.relrowsecurity, r.relreplident)
    FROM relations r
    UNION ALL
    SELECT concat_ws(' | ', 'column', r.oid::regclass, row_number() OVER (PARTITION BY r.oid ORDER BY a.attnum), a.attname,
                     format_type(a.atttypid, a.atttypmod), a.attnotnull, concat('identity ', a.attidentity), concat('generated ', a.attgenerated),
                     (SELECT a.attcollation::regcollation::text FROM pg_type t WHERE t.oid = a.atttypid AND t.typcollation <> a.attcollation),
                     'default ' || pg_get_expr(d.adbin, d.adrelid), 'comment ' || col_description(r.oid, a.attnum), a.attstorage)
    FROM relations r
    JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
    WHERE r.relkind <> 'i'
    UNION ALL
    SELECT concat_ws(' | ', 'constraint', k.conrelid::regclass, k.conname, k.contype, pg_get_constraintdef(k.oid),
                     'valid ' || k.convalidated, 'index ' || i.relname)
    FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid LEFT JOIN pg_class i ON i.oid = k.conindid
    UNION ALL
    SELECT concat_ws(' | ', 'index', i.indrelid::regclass, pg_get_indexdef(i.indexrelid), i.indisvalid, i.indisready, i.indislive)
    FROM relations r JOIN pg_index i ON i.indrelid = r.oid
    UNION ALL
    SELECT concat_ws(' | ', 'sequence', q.seqrelid::regclass, q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmin, q.seqmax,
                     q.seqcache, q.seqcycle, 'owner ' || d.refobjid::regclass, d.deptype,
                     (SELECT a.attname FROM pg_attribute a WHERE a.attrelid = d.refobjid AND a.attnum = d.refobjsubid))
    FROM pg_sequence q
    LEFT JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = q.seqrelid AND d.deptype IN ('a', 'i')
    UNION ALL
    SELECT concat_ws(' | ', 'trigger', t.tgrelid::regclass, pg_get_triggerdef(t.oid)) FROM pg_trigger t WHERE NOT t.tgisinternal
)
SELECT coalesce(array_agg(line ORDER BY line COLLATE "C"), '{}') FROM lines
