-- `family` is the table with its partitions and children: ALTER ... TYPE goes down to them. `accepted` repeats the
-- server's test whether an operator class takes values of a type as they are, `default_class` its choice among those.
-- `index_key` has a row for each key of an index that is the column, one with nulls for an index that has it elsewhere.
WITH RECURSIVE family (relation) AS (
    SELECT %s::oid
    UNION
    SELECT i.inhrelid FROM family f JOIN pg_inherits i ON i.inhparent = f.relation
), touched AS (
    SELECT a.attrelid, a.attnum, a.attcollation
    FROM family f JOIN pg_attribute a ON a.attrelid = f.relation AND a.attname = %s::name
), dependent AS (
    SELECT DISTINCT d.classid, d.objid, d.objsubid, t.*
    FROM touched t
    JOIN pg_depend d ON d.refclassid = 'pg_class'::regclass AND d.refobjid = t.attrelid AND d.refobjsubid = t.attnum
), side (side, base) AS (
    VALUES ('old', %s::oid), ('new', %s::oid)
), accepted AS (
    SELECT s.side, o.oid AS class, o.opcmethod, o.opcdefault,
           CASE WHEN o.opcintype = s.base THEN 2
                WHEN i.typispreferred AND i.typcategory = t.typcategory THEN 1
                ELSE 0 END AS rank
    FROM side s
    JOIN pg_type t ON t.oid = s.base
    CROSS JOIN pg_opclass o
    JOIN pg_type i ON i.oid = o.opcintype
    WHERE o.opcintype = s.base
       OR EXISTS (
              SELECT FROM pg_cast k
              WHERE k.castsource = s.base AND k.casttarget = o.opcintype AND k.castmethod = 'b' AND k.castcontext = 'i')
       OR CASE o.opcintype
              WHEN 'anyarray'::regtype THEN t.typsubscript = 'array_subscript_handler'::regproc
              WHEN 'anyenum'::regtype THEN t.typtype = 'e'
              WHEN 'anyrange'::regtype THEN t.typtype = 'r'
              WHEN 'anymultirange'::regtype THEN t.typtype = 'm'
              WHEN 'record'::regtype THEN t.typtype = 'c'
              ELSE o.opcintype IN ('"any"'::regtype, 'anyelement'::regtype) END
), default_class AS (
    SELECT side, opcmethod, CASE WHEN count(*) = 1 THEN min(class::bigint) END AS class
    FROM (SELECT *, max(rank) OVER (PARTITION BY side, opcmethod) AS best FROM accepted WHERE opcdefault) candidate
    WHERE rank = best
    GROUP BY side, opcmethod
), index_used AS (
    SELECT d.attnum, d.attcollation, i.*, c.relkind, con.conexclop IS NOT NULL AS exclusion
    FROM dependent d
    LEFT JOIN pg_constraint own
      ON d.classid = 'pg_constraint'::regclass AND own.oid = d.objid AND own.contype IN ('p', 'u', 'x')
    JOIN pg_index i ON i.indexrelid = CASE WHEN d.classid = 'pg_class'::regclass THEN d.objid ELSE own.conindid END
    JOIN pg_class c ON c.oid = i.indexrelid
    LEFT JOIN pg_constraint con
      ON con.conindid = i.indexrelid AND con.conrelid = i.indrelid AND con.contype IN ('p', 'u', 'x')
), index_key AS (
    SELECT i.indexrelid::bigint, i.attnum, i.indisvalid AS valid, i.exclusion,
           i.indpred IS NOT NULL AS predicate, i.indexprs IS NOT NULL AS expression, i.relkind = 'I' AS partitioned,
           o.oid::bigint AS class, o.opcname AS class_name, m.amname AS method,
           CASE WHEN o.oid = before.class THEN after.class
                WHEN EXISTS (SELECT FROM accepted a WHERE a.side = 'new' AND a.class = o.oid) THEN o.oid::bigint
                END AS new_class,
           CASE WHEN input.typtype = 'p' THEN stored.atttypid::bigint END AS polymorphic_type,
           i.indcollation[k.pos]::bigint AS collation, i.attcollation::bigint AS column_collation
    FROM index_used i
    LEFT JOIN LATERAL generate_series(0, i.indnkeyatts - 1) k (pos) ON i.indkey[k.pos] = i.attnum
    LEFT JOIN pg_opclass o ON o.oid = i.indclass[k.pos]
    LEFT JOIN pg_am m ON m.oid = o.opcmethod
    LEFT JOIN pg_type input ON input.oid = o.opcintype
    LEFT JOIN pg_attribute stored ON stored.attrelid = i.indexrelid AND stored.attnum = k.pos + 1
    LEFT JOIN default_class before ON before.side = 'old' AND before.opcmethod = o.opcmethod
    LEFT JOIN default_class after ON after.side = 'new' AND after.opcmethod = o.opcmethod
), foreign_key AS (
    SELECT f.conname, f.convalidated AS valid, end_.child, class.oid AS class,
           CASE WHEN end_.child THEN class.oid ELSE (
               SELECT x.new_class FROM index_key x WHERE x.indexrelid = i.indexrelid AND x.class = class.oid LIMIT 1
           )::oid END AS new_class,
           CASE WHEN end_.child THEN (SELECT base FROM side WHERE side = 'new')
                ELSE coalesce(nullif(t.typbasetype, 0), t.oid) END AS referencing_type
    FROM dependent d
    JOIN pg_constraint f ON d.classid = 'pg_constraint'::regclass AND f.oid = d.objid AND f.contype = 'f'
    CROSS JOIN (VALUES (true), (false)) end_ (child)
    CROSS JOIN generate_series(1, cardinality(f.conkey)) k (pos)
    JOIN pg_index i ON i.indexrelid = f.conindid
    CROSS JOIN generate_series(0, i.indnkeyatts - 1) key (pos)
    JOIN pg_opclass class ON class.oid = i.indclass[key.pos]
    JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = f.conkey[k.pos]
    JOIN pg_type t ON t.oid = a.atttypid
    WHERE i.indkey[key.pos] = f.confkey[k.pos]
      AND CASE WHEN end_.child THEN (f.conrelid, f.conkey[k.pos]) ELSE (f.confrelid, f.confkey[k.pos]) END
          = (d.attrelid, d.attnum)
      AND (f.conrelid, f.conkey[k.pos]) <> (f.confrelid, f.confkey[k.pos])
)
SELECT 'index', c.relname::text, row_to_json(x)::text
FROM index_key x JOIN pg_class c ON c.oid = x.indexrelid
UNION
SELECT 'foreign key', f.conname::text, json_build_object(
           'valid', f.valid,
           'same_operator', (SELECT count(DISTINCT base) FROM side) = 1
                            OR CASE WHEN f.child THEN 2 = (SELECT count(*) FROM accepted a WHERE a.class = f.class)
                                    ELSE f.class IS NOT DISTINCT FROM f.new_class END,
           'has_operator', EXISTS (
               SELECT FROM pg_opclass o
               WHERE o.oid = f.new_class
                 AND (o.opcintype = f.referencing_type
                      OR EXISTS (
                             SELECT FROM pg_amop p
                             WHERE p.amopfamily = o.opcfamily AND p.amopstrategy = 3
                               AND p.amoplefttype = o.opcintype AND p.amoprighttype = f.referencing_type)
                      OR EXISTS (
                             SELECT FROM pg_cast k
                             WHERE k.castsource = f.referencing_type AND k.casttarget = o.opcintype
                               AND k.castcontext = 'i'))))::text
FROM foreign_key f
UNION
SELECT CASE WHEN c.relkind = 'v' THEN 'view' WHEN c.relkind = 'm' THEN 'materialized view' ELSE 'rule' END,
       CASE WHEN c.relkind IN ('v', 'm') THEN c.relname ELSE r.rulename END::text, '{}'
FROM dependent d
JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
JOIN pg_class c ON c.oid = r.ev_class
UNION
SELECT 'trigger', g.tgname::text, '{}'
FROM dependent d JOIN pg_trigger g ON d.classid = 'pg_trigger'::regclass AND g.oid = d.objid
UNION
SELECT 'policy', p.polname::text, '{}'
FROM dependent d JOIN pg_policy p ON d.classid = 'pg_policy'::regclass AND p.oid = d.objid
UNION
SELECT 'function', p.proname::text, '{}'
FROM dependent d JOIN pg_proc p ON d.classid = 'pg_proc'::regclass AND p.oid = d.objid
UNION
SELECT 'publication', p.pubname::text, '{}'
FROM dependent d
JOIN pg_publication_rel r ON d.classid = 'pg_publication_rel'::regclass AND r.oid = d.objid
JOIN pg_publication p ON p.oid = r.prpubid
UNION
SELECT CASE WHEN e.adnum = d.attnum THEN 'default' ELSE 'generated column' END, a.attname::text, '{}'
FROM dependent d
JOIN pg_attrdef e ON d.classid = 'pg_attrdef'::regclass AND e.oid = d.objid
JOIN pg_attribute a ON a.attrelid = e.adrelid AND a.attnum = e.adnum
UNION
-- Before version 15 it is the generated column itself, not its expression, that depends on the columns in it.
SELECT CASE WHEN d.objsubid = 0 THEN 'unknown' ELSE 'generated column' END,
       coalesce(a.attname, c.relname)::text, '{}'
FROM dependent d
JOIN pg_class c ON d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relkind NOT IN ('i', 'I', 'S')
LEFT JOIN pg_attribute a ON a.attrelid = d.objid AND a.attnum = d.objsubid AND d.objsubid > 0
UNION
-- The columns of a partition key, also those in its expressions, depend on their table and not the other way round.
SELECT 'partition key', c.relname::text, '{}'
FROM touched t
JOIN pg_depend d
  ON d.classid = 'pg_class'::regclass AND d.objid = t.attrelid AND d.objsubid = t.attnum
 AND d.refclassid = 'pg_class'::regclass AND d.refobjid = t.attrelid AND d.refobjsubid = 0 AND d.deptype = 'i'
JOIN pg_class c ON c.oid = t.attrelid
UNION
SELECT CASE WHEN k.convalidated THEN 'check' ELSE 'unchecked' END, k.conname::text, '{}'
FROM dependent d JOIN pg_constraint k ON d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contype = 'c'
UNION
SELECT 'statistics', s.stxname::text, json_build_object('possible', EXISTS (
           SELECT FROM default_class o JOIN pg_am m ON m.oid = o.opcmethod
           WHERE m.amname = 'btree' AND o.side = 'new' AND o.class IS NOT NULL))::text
FROM dependent d JOIN pg_statistic_ext s ON d.classid = 'pg_statistic_ext'::regclass AND s.oid = d.objid
UNION
SELECT 'row type', c.relname || '.' || a.attname, '{}'
FROM family f
JOIN pg_class own ON own.oid = f.relation
JOIN pg_type t ON t.oid = own.reltype
JOIN pg_depend d
  ON d.refclassid = 'pg_type'::regclass AND d.refobjid IN (t.oid, t.typarray) AND d.classid = 'pg_class'::regclass
JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'm', 'p')
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.objsubid
UNION
SELECT 'unknown', pg_describe_object(d.classid, d.objid, d.objsubid), '{}'
FROM dependent d
WHERE d.classid NOT IN (
          'pg_class'::regclass, 'pg_constraint'::regclass, 'pg_rewrite'::regclass, 'pg_trigger'::regclass,
          'pg_policy'::regclass, 'pg_proc'::regclass, 'pg_publication_rel'::regclass, 'pg_attrdef'::regclass,
          'pg_statistic_ext'::regclass)
ORDER BY 1, 2
