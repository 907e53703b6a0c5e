-- shadow_column
-- What a column has today that its successor gets. Each privilege is that, the quoted role, and the grant option.
SELECT a.attnotnull AS not_null,
       (SELECT n.conname::pg_catalog.text FROM pg_catalog.pg_constraint n
        WHERE n.conrelid = a.attrelid AND n.contype = 'n' AND n.conkey[1] = a.attnum) AS not_null_name,
       pg_catalog.col_description(a.attrelid, a.attnum::pg_catalog.int4) AS comment,
       nullif(a.attstattarget::pg_catalog.int4, -1) AS target,
       a.attoptions AS options,
       ARRAY(
           SELECT ARRAY[
               g.privilege_type,
               CASE WHEN g.grantee = 0::pg_catalog.oid THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)::pg_catalog.text) END,
               CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END]
           FROM pg_catalog.aclexplode(a.attacl) WITH ORDINALITY g(grantor, grantee, privilege_type, is_grantable, place)
           ORDER BY g.place
       ) AS grants
FROM pg_catalog.pg_attribute a
WHERE a.attrelid = relation(%s) AND a.attname = %s AND a.attnum > 0 AND NOT a.attisdropped

-- shadow_type
-- What the new column is, on the copy of the table.
SELECT pg_catalog.format_type(a.atttypid, a.atttypmod) AS type,
       CASE WHEN a.attcollation <> t.typcollation
            THEN pg_catalog.quote_ident(n.nspname::pg_catalog.text) || '.' || pg_catalog.quote_ident(c.collname::pg_catalog.text)
            END AS collation,
       a.attcollation <> 0::pg_catalog.oid AS collatable,
       pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS "default"
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_catalog.pg_collation c ON c.oid = a.attcollation
LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.collnamespace
WHERE a.attrelid = relation(%s) AND a.attname = %s AND a.attnum > 0 AND NOT a.attisdropped

-- shadow_indexes
-- The indexes of a table in the order in which a copy of it gets its own. The definition begins with one of `heads`:
-- PostgreSQL 14 writes the schema of a temporary table in another way.
SELECT c.relname::pg_catalog.text AS name,
       pg_catalog.pg_get_indexdef(i.indexrelid) AS definition,
       ARRAY(
           SELECT pg_catalog.concat('CREATE ', CASE WHEN i.indisunique THEN 'UNIQUE ' END, 'INDEX ',
                                    pg_catalog.quote_ident(c.relname::pg_catalog.text), ' ON ', schema, '.',
                                    pg_catalog.quote_ident(t.relname::pg_catalog.text))
           FROM (VALUES ('pg_temp'), (pg_catalog.quote_ident(n.nspname::pg_catalog.text))) written (schema)
       ) AS heads,
       coalesce(' WHERE ' || pg_catalog.pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
       i.indexprs IS NOT NULL AS has_expression,
       i.indisunique AS "unique",
       coalesce(k.contype::pg_catalog.text, '') AS "constraint",
       CASE WHEN k.condeferrable AND k.condeferred THEN ' DEFERRABLE INITIALLY DEFERRED'
            WHEN k.condeferrable THEN ' DEFERRABLE' ELSE '' END AS deferrable,
       coalesce(s.spcname::pg_catalog.text, '') AS tablespace,
       (SELECT d.description FROM pg_catalog.pg_description d
        WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objoid = i.indexrelid AND d.objsubid = 0::pg_catalog.int4) AS comment,
       (SELECT d.description FROM pg_catalog.pg_description d
        WHERE d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid AND d.objoid = k.oid AND d.objsubid = 0::pg_catalog.int4) AS constraint_comment,
       i.indisclustered AS clustered,
       i.indisreplident AS is_identity,
       EXISTS (
           SELECT FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = i.indrelid AND a.attname = %s
             AND (a.attnum = ANY (i.indkey::pg_catalog.int2[]) OR EXISTS (
                     SELECT FROM pg_catalog.pg_depend d
                     WHERE d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objid = i.indexrelid
                       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
       ) AS touches
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_tablespace s ON s.oid = c.reltablespace
LEFT JOIN pg_catalog.pg_constraint k ON k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x')
WHERE i.indrelid = relation(%s)
ORDER BY i.indexrelid

-- shadow_checks
-- The CHECK constraints of a table: whether they name a column, and what they say.
SELECT k.conname::pg_catalog.text AS name, pg_catalog.pg_get_constraintdef(k.oid) AS definition,
       (SELECT d.description FROM pg_catalog.pg_description d
        WHERE d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid AND d.objoid = k.oid AND d.objsubid = 0::pg_catalog.int4) AS comment,
       a.attnum = ANY (k.conkey) AS touches
FROM pg_catalog.pg_constraint k
JOIN pg_catalog.pg_attribute a ON a.attrelid = k.conrelid AND a.attname = %s
WHERE k.conrelid = relation(%s) AND k.contype = 'c'
ORDER BY k.conname

-- shadow_statistics
-- The statistics objects of a table in the order in which a copy of it gets its own, as for its indexes.
SELECT n.nspname::pg_catalog.text AS schema, x.stxname::pg_catalog.text AS name,
       pg_catalog.pg_get_statisticsobjdef(x.oid) AS definition,
       ARRAY(
           SELECT pg_catalog.concat('CREATE STATISTICS ', schema, '.', pg_catalog.quote_ident(x.stxname::pg_catalog.text))
           FROM (VALUES ('pg_temp'), (pg_catalog.quote_ident(n.nspname::pg_catalog.text))) written (schema)
       ) AS heads,
       ' FROM ' || x.stxrelid::pg_catalog.regclass::pg_catalog.text AS tail,
       nullif(x.stxstattarget::pg_catalog.int4, -1) AS target,
       (SELECT d.description FROM pg_catalog.pg_description d
        WHERE d.classoid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass::pg_catalog.oid AND d.objoid = x.oid AND d.objsubid = 0::pg_catalog.int4) AS comment,
       EXISTS (
           SELECT FROM pg_catalog.pg_attribute a
           WHERE a.attrelid = x.stxrelid AND a.attname = %s
             AND (a.attnum = ANY (x.stxkeys::pg_catalog.int2[]) OR EXISTS (
                     SELECT FROM pg_catalog.pg_depend d
                     WHERE d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass::pg_catalog.oid AND d.objid = x.oid
                       AND d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = x.stxrelid AND d.refobjsubid = a.attnum))
       ) AS touches
FROM pg_catalog.pg_statistic_ext x
JOIN pg_catalog.pg_namespace n ON n.oid = x.stxnamespace
WHERE x.stxrelid = relation(%s)
ORDER BY x.oid

-- shadow_sequences
-- The sequences that belong to a column. `kind` is that of its identity, empty for a sequence that it owns. The options
-- are those that are not the default ones of the type, which changes. Each privilege is as of the column. `revoked` has
-- the roles to which a new sequence would give privileges by default.
SELECT pg_catalog.quote_ident(n.nspname::pg_catalog.text) || '.' || pg_catalog.quote_ident(c.relname::pg_catalog.text) AS name,
       CASE a.attidentity WHEN 'a' THEN 'ALWAYS' WHEN 'd' THEN 'BY DEFAULT' ELSE '' END AS kind,
       pg_catalog.concat_ws(' ',
           'INCREMENT BY ' || q.seqincrement::pg_catalog.text,
           CASE WHEN q.seqincrement > 0::pg_catalog.int8 OR q.seqmin <> smallest THEN 'MINVALUE ' || q.seqmin::pg_catalog.text END,
           CASE WHEN q.seqincrement < 0::pg_catalog.int8 OR q.seqmax <> largest THEN 'MAXVALUE ' || q.seqmax::pg_catalog.text END,
           'START WITH ' || q.seqstart::pg_catalog.text,
           'CACHE ' || q.seqcache::pg_catalog.text,
           CASE WHEN q.seqcycle THEN 'CYCLE' END) AS options,
       (SELECT d.description FROM pg_catalog.pg_description d
        WHERE d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.objoid = c.oid AND d.objsubid = 0::pg_catalog.int4) AS comment,
       ARRAY(
           SELECT ARRAY[
               g.privilege_type,
               CASE WHEN g.grantee = 0::pg_catalog.oid THEN 'PUBLIC'
                    ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)::pg_catalog.text) END,
               CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END]
           FROM pg_catalog.aclexplode(c.relacl) WITH ORDINALITY g(grantor, grantee, privilege_type, is_grantable, place)
           WHERE g.grantee <> c.relowner
           ORDER BY g.place
       ) AS grants,
       ARRAY(
           SELECT DISTINCT CASE WHEN g.grantee = 0::pg_catalog.oid THEN 'PUBLIC'
                                ELSE pg_catalog.quote_ident(pg_catalog.pg_get_userbyid(g.grantee)::pg_catalog.text) END
           FROM pg_catalog.pg_default_acl x CROSS JOIN LATERAL pg_catalog.aclexplode(x.defaclacl) g
           WHERE x.defaclobjtype = 'S' AND x.defaclnamespace IN (0::pg_catalog.oid, c.relnamespace) AND g.grantee <> c.relowner
           ORDER BY 1
       ) AS revoked
FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_depend p
  ON p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum::pg_catalog.int4
 AND p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND p.deptype IN ('a', 'i')
JOIN pg_catalog.pg_class c ON c.oid = p.objid AND c.relkind = 'S'
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_sequence q ON q.seqrelid = c.oid
CROSS JOIN LATERAL (
    SELECT CASE q.seqtypid WHEN 21::pg_catalog.oid THEN 32767::pg_catalog.int8 WHEN 23::pg_catalog.oid THEN 2147483647::pg_catalog.int8
                           ELSE 9223372036854775807::pg_catalog.int8 END AS largest
) of_type
CROSS JOIN LATERAL (SELECT -largest - 1::pg_catalog.int8 AS smallest) least
WHERE a.attname = %s AND a.attrelid = relation(%s)
ORDER BY c.oid

-- shadow_obstacles
-- Why a column cannot be replaced by another one while the table is in use, as sentences. `spares` is whether the role
-- may set session_replication_role, with which the table's own triggers do not fire.
WITH own AS (
    SELECT c.*, n.nspname, a.attnum, a.attacl, a.attgenerated, a.attidentity
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attname = %s AND NOT a.attisdropped
    WHERE c.oid = relation(%s)
), fires AS (
    SELECT g.tgname::pg_catalog.text AS name, g.tgenabled AS enabled
    FROM pg_catalog.pg_trigger g JOIN own ON own.oid = g.tgrelid
    WHERE NOT g.tgisinternal AND g.tgtype & 16::pg_catalog.int2 <> 0::pg_catalog.int2
      AND pg_catalog.cardinality(g.tgattr::pg_catalog.int2[]) = 0
)
SELECT CASE own.relkind WHEN 'p' THEN 'it is partitioned, and the new column would have to be proved and indexed in each partition by itself'
                        ELSE 'it is not a plain table' END AS text FROM own WHERE own.relkind <> 'r'
UNION ALL
SELECT 'it is a partition' FROM own WHERE own.relispartition
UNION ALL
SELECT pg_catalog.format('it has the columns of type %%s', own.reloftype::pg_catalog.regtype::pg_catalog.text) FROM own WHERE own.reloftype <> 0::pg_catalog.oid
UNION ALL
SELECT 'other tables inherit from it, or it inherits from one'
FROM own WHERE NOT own.relispartition AND own.relkind = 'r'
           AND EXISTS (SELECT FROM pg_catalog.pg_inherits i WHERE own.oid IN (i.inhrelid, i.inhparent))
UNION ALL
SELECT 'the column is generated' FROM own WHERE own.attgenerated <> ''
UNION ALL
SELECT 'row level security is forced for its owner, who would not see every row'
FROM own JOIN pg_catalog.pg_roles r ON r.rolname = current_user
WHERE own.relrowsecurity AND own.relforcerowsecurity AND NOT (r.rolsuper OR r.rolbypassrls)
UNION ALL
SELECT pg_catalog.format('publication %%I has it, and its subscribers do not know the new column', p.pubname)
FROM own JOIN pg_catalog.pg_publication_tables p ON p.schemaname = own.nspname AND p.tablename = own.relname
UNION ALL
SELECT DISTINCT pg_catalog.format('%%s depends on the column', pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid))
FROM own
JOIN pg_catalog.pg_depend d
  ON d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid = own.oid AND d.refobjsubid = own.attnum::pg_catalog.int4
LEFT JOIN pg_catalog.pg_index i ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND i.indexrelid = d.objid
LEFT JOIN pg_catalog.pg_constraint k ON d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid AND k.oid = d.objid
LEFT JOIN pg_catalog.pg_class q ON d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND q.oid = d.objid AND q.relkind = 'S'
LEFT JOIN pg_catalog.pg_attrdef e ON d.classid = 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid AND e.oid = d.objid
WHERE d.classid <> 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass::pg_catalog.oid
  AND i.indexrelid IS NULL
  AND q.oid IS NULL
  AND NOT coalesce(k.contype IN ('c', 'n', 'u', 'p') OR k.contype = 'f' AND (
          -- What it does to rows beside, the trigger that keeps the columns equal would undo.
          pg_catalog.cardinality(k.conkey) = 1 AND k.conparentid = 0::pg_catalog.oid AND k.confupdtype IN ('a', 'r')
          AND (k.confdeltype IN ('a', 'r', 'c') OR k.conrelid <> own.oid) AND NOT (k.conrelid = k.confrelid AND k.conkey[1] = k.confkey[1])
          AND NOT EXISTS (SELECT FROM pg_catalog.pg_class x WHERE x.oid IN (k.conrelid, k.confrelid) AND x.relkind <> 'r')
          AND NOT coalesce((pg_catalog.to_jsonb(k) ->> 'conperiod'::pg_catalog.text)::pg_catalog.bool, false)
          AND coalesce((pg_catalog.to_jsonb(k) ->> 'conenforced'::pg_catalog.text)::pg_catalog.bool, true)), false)
  AND NOT coalesce(e.adnum = own.attnum, false)
UNION ALL
SELECT pg_catalog.format('index %%I is INVALID: drop it, or build it again', i.indexrelid::pg_catalog.regclass)
FROM own JOIN pg_catalog.pg_index i ON i.indrelid = own.oid AND NOT i.indisvalid
UNION ALL
SELECT pg_catalog.format('constraint %%I is NOT VALID, and a row that violates it cannot be written: validate or drop it', k.conname)
FROM own JOIN pg_catalog.pg_constraint k ON k.conrelid = own.oid AND k.contype IN ('c', 'n') AND NOT k.convalidated
UNION ALL
SELECT pg_catalog.format('column privileges were given by %%I, who is not its owner', pg_catalog.pg_get_userbyid(g.grantor))
FROM own CROSS JOIN LATERAL pg_catalog.aclexplode(own.attacl) g WHERE g.grantor <> own.relowner
UNION ALL
SELECT 'the column has a security label'
FROM own JOIN pg_catalog.pg_seclabel l
  ON l.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND l.objoid = own.oid AND l.objsubid = own.attnum::pg_catalog.int4
UNION ALL
SELECT pg_catalog.format('trigger %%I is fired after the one that fills the new column', g.tgname)
FROM own JOIN pg_catalog.pg_trigger g ON g.tgrelid = own.oid
WHERE NOT g.tgisinternal AND g.tgtype & 3::pg_catalog.int2 = 3::pg_catalog.int2 AND g.tgname::pg_catalog.text COLLATE pg_catalog."C" >= '~'
UNION ALL
SELECT pg_catalog.format('trigger %%I is fired for every row that is filled', f.name)
FROM fires f CROSS JOIN (SELECT %s::pg_catalog.bool AS spares) may
WHERE f.enabled = 'A'
   OR f.enabled = 'O' AND NOT may.spares
   OR f.enabled = 'R' AND EXISTS (SELECT FROM fires o WHERE o.enabled = 'O')
UNION ALL
SELECT pg_catalog.format('the role may not make a foreign key to table %%s again', k.confrelid::pg_catalog.regclass::pg_catalog.text)
FROM own JOIN pg_catalog.pg_constraint k ON k.conrelid = own.oid AND k.contype = 'f' AND own.attnum = ANY (k.conkey)
WHERE NOT pg_catalog.has_table_privilege(k.confrelid, 'REFERENCES')
UNION ALL
SELECT pg_catalog.format('the role does not own table %%s, whose foreign key points to the column', k.conrelid::pg_catalog.regclass::pg_catalog.text)
FROM own JOIN pg_catalog.pg_constraint k ON k.confrelid = own.oid AND k.contype = 'f' AND own.attnum = ANY (k.confkey)
JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
WHERE NOT pg_catalog.pg_has_role(c.relowner, 'USAGE')
UNION ALL
SELECT pg_catalog.format('the role may not create a function in schema %%I', own.nspname)
FROM own WHERE NOT pg_catalog.has_schema_privilege(own.relnamespace, 'CREATE')
UNION ALL
SELECT 'the role may not use the language plpgsql' FROM pg_catalog.pg_language l
WHERE l.lanname = 'plpgsql' AND NOT pg_catalog.has_language_privilege(l.oid, 'USAGE')
UNION ALL
SELECT 'it has no room for another column' FROM own WHERE own.relnatts >= 1600::pg_catalog.int2

-- shadow_triggers
-- Whether a table has triggers of its own that an UPDATE of the new column would fire.
SELECT EXISTS (
    SELECT FROM pg_catalog.pg_trigger g
    WHERE g.tgrelid = relation(%s) AND NOT g.tgisinternal AND g.tgtype & 16::pg_catalog.int2 <> 0::pg_catalog.int2 AND g.tgenabled = 'O'
      AND pg_catalog.cardinality(g.tgattr::pg_catalog.int2[]) = 0
)

-- is_superuser
SELECT pg_catalog.current_setting('is_superuser') = 'on'

-- sequences_outside
-- The sequences that belong to a column and have a value, a start or a bound of their own outside of a range. The bounds
-- of today's type are not their own.
SELECT c.oid::pg_catalog.regclass::pg_catalog.text AS name
FROM (SELECT %s::pg_catalog.int8 AS low, %s::pg_catalog.int8 AS high) ends
CROSS JOIN pg_catalog.pg_attribute a
JOIN pg_catalog.pg_depend p
  ON p.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND p.refobjid = a.attrelid AND p.refobjsubid = a.attnum::pg_catalog.int4
 AND p.classid = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND p.deptype IN ('a', 'i')
JOIN pg_catalog.pg_class c ON c.oid = p.objid AND c.relkind = 'S'
JOIN pg_catalog.pg_sequence q ON q.seqrelid = c.oid
CROSS JOIN LATERAL (
    SELECT CASE q.seqtypid WHEN 21::pg_catalog.oid THEN 32767::pg_catalog.int8 WHEN 23::pg_catalog.oid THEN 2147483647::pg_catalog.int8
                           ELSE 9223372036854775807::pg_catalog.int8 END AS largest
) of_type
CROSS JOIN LATERAL (SELECT -largest - 1::pg_catalog.int8 AS smallest) least
WHERE a.attname = %s AND a.attrelid = relation(%s)
  AND (coalesce(pg_catalog.pg_sequence_last_value(c.oid::pg_catalog.regclass), q.seqstart) > high
    OR coalesce(pg_catalog.pg_sequence_last_value(c.oid::pg_catalog.regclass), q.seqstart) < low
    OR q.seqstart > high OR q.seqstart < low
    OR q.seqmax > high AND q.seqmax <> largest OR q.seqmin < low AND q.seqmin <> smallest)
ORDER BY c.oid

-- row_type_users
-- Functions that take or return rows of a table, and those of its triggers in which there is NEW.* or OLD.*.
SELECT pg_catalog.pg_describe_object('pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid, p.oid, 0::pg_catalog.int4) AS name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_type t ON t.oid = c.reltype
CROSS JOIN pg_catalog.pg_proc p
WHERE c.oid = relation(%s) AND (
    EXISTS (
        SELECT FROM pg_catalog.pg_depend d
        WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid AND d.objid = p.oid
          AND d.refclassid = 'pg_catalog.pg_type'::pg_catalog.regclass::pg_catalog.oid AND d.refobjid IN (t.oid, t.typarray))
    OR p.prosrc ~* '\m(new|old)\s*\.\s*\*' AND EXISTS (
        SELECT FROM pg_catalog.pg_trigger g WHERE g.tgrelid = c.oid AND NOT g.tgisinternal AND g.tgfoid = p.oid))
ORDER BY 1
