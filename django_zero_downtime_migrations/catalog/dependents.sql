-- dependents
-- What the server would refuse to drop an object for, or drop with it under CASCADE: the kind, the object as SQL names
-- it, what drops it, the table that it belongs to and its own name. The object is a table or sequence, or the column,
-- constraint or index of a table. `gone` is what belongs to it: it goes silently.
WITH RECURSIVE asked (relation, kind, name) AS (
    SELECT relation(%s), %s::pg_catalog.text, %s::pg_catalog.name
), kin (relation) AS (
    SELECT relation FROM asked
    UNION
    SELECT i.inhrelid FROM kin k
    JOIN pg_catalog.pg_inherits i ON i.inhparent = k.relation
    JOIN asked ON true
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.inhrelid AND a.attname = asked.name
    WHERE a.attinhcount::pg_catalog.int4 = 1 AND NOT a.attislocal
), start (class, object, part) AS (
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, a.attrelid, a.attnum::pg_catalog.int4
    FROM asked JOIN kin ON true
    JOIN pg_catalog.pg_attribute a ON a.attrelid = kin.relation AND a.attname = asked.name
    WHERE asked.kind = 'column'::pg_catalog.text AND a.attnum::pg_catalog.int4 > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, relation, 0
    FROM asked WHERE kind = 'relation'::pg_catalog.text
    UNION ALL
    SELECT 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid, c.oid, 0
    FROM asked JOIN pg_catalog.pg_constraint c ON c.conrelid = asked.relation AND c.conname = asked.name
    WHERE asked.kind = 'constraint'::pg_catalog.text
    UNION ALL
    SELECT 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid, r.oid, 0
    FROM asked JOIN pg_catalog.pg_index i ON i.indrelid = asked.relation
    JOIN pg_catalog.pg_class r ON r.oid = i.indexrelid AND r.relname = asked.name
    WHERE asked.kind = 'index'::pg_catalog.text
), gone (class, object, part) AS (
    SELECT class, object, part FROM start
    UNION
    SELECT d.classid, d.objid, d.objsubid
    FROM gone g
    JOIN pg_catalog.pg_depend d
      ON d.refclassid = g.class AND d.refobjid = g.object AND (g.part = 0 OR d.refobjsubid = g.part)
    WHERE d.deptype = ANY ('{a,i,P,S}'::pg_catalog."char"[])
), other (class, object, part) AS (
    SELECT d.classid, d.objid, d.objsubid
    FROM gone g
    JOIN pg_catalog.pg_depend d
      ON d.refclassid = g.class AND d.refobjid = g.object AND (g.part = 0 OR d.refobjsubid = g.part)
    WHERE d.deptype = 'n'::pg_catalog."char" AND NOT EXISTS (
        SELECT FROM gone x
        WHERE x.class = d.classid AND x.object = d.objid AND (x.part = 0 OR x.part = d.objsubid))
    UNION
    -- Before version 15 a generated column goes silently with a column in its expression.
    SELECT g.class, g.object, g.part
    FROM asked JOIN gone g ON asked.kind = 'column'::pg_catalog.text AND g.part > 0
    JOIN pg_catalog.pg_attribute a ON a.attrelid = g.object AND a.attnum::pg_catalog.int4 = g.part
    WHERE g.class = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid
      AND a.attgenerated <> ''::pg_catalog."char"
      AND NOT EXISTS (SELECT FROM start s WHERE s.class = g.class AND s.object = g.object AND s.part = g.part)
), named (kind, verb, own, relation, name) AS (
    SELECT CASE c.relkind WHEN 'v' THEN 'view' ELSE 'materialized view' END,
           CASE c.relkind WHEN 'v' THEN 'DROP VIEW' ELSE 'DROP MATERIALIZED VIEW' END, '', c.oid, c.relname
    FROM other o JOIN pg_catalog.pg_rewrite r ON r.oid = o.object JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
    WHERE o.class = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
      AND c.relkind = ANY ('{v,m}'::pg_catalog."char"[])
    UNION
    SELECT 'rule', 'DROP RULE', pg_catalog.quote_ident(r.rulename::pg_catalog.text), c.oid, r.rulename
    FROM other o JOIN pg_catalog.pg_rewrite r ON r.oid = o.object JOIN pg_catalog.pg_class c ON c.oid = r.ev_class
    WHERE o.class = 'pg_catalog.pg_rewrite'::pg_catalog.regclass::pg_catalog.oid
      AND c.relkind <> ALL ('{v,m}'::pg_catalog."char"[])
    UNION
    SELECT 'trigger', 'DROP TRIGGER', pg_catalog.quote_ident(t.tgname::pg_catalog.text), t.tgrelid, t.tgname
    FROM other o JOIN pg_catalog.pg_trigger t ON t.oid = o.object
    WHERE o.class = 'pg_catalog.pg_trigger'::pg_catalog.regclass::pg_catalog.oid AND NOT t.tgisinternal
    UNION
    SELECT 'policy', 'DROP POLICY', pg_catalog.quote_ident(p.polname::pg_catalog.text), p.polrelid, p.polname
    FROM other o JOIN pg_catalog.pg_policy p ON p.oid = o.object
    WHERE o.class = 'pg_catalog.pg_policy'::pg_catalog.regclass::pg_catalog.oid
    UNION
    SELECT 'publication', 'ALTER PUBLICATION', pg_catalog.quote_ident(p.pubname::pg_catalog.text), r.prrelid, p.pubname
    FROM other o JOIN pg_catalog.pg_publication_rel r ON r.oid = o.object
    JOIN pg_catalog.pg_publication p ON p.oid = r.prpubid
    WHERE o.class = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass::pg_catalog.oid
    UNION
    SELECT CASE p.prokind WHEN 'p' THEN 'procedure' ELSE 'function' END,
           CASE p.prokind WHEN 'p' THEN 'DROP PROCEDURE' ELSE 'DROP FUNCTION' END,
           p.oid::pg_catalog.regprocedure::pg_catalog.text, 0::pg_catalog.oid, p.proname
    FROM other o JOIN pg_catalog.pg_proc p ON p.oid = o.object
    WHERE o.class = 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid
    UNION
    SELECT 'foreign key', 'DROP CONSTRAINT', pg_catalog.quote_ident(c.conname::pg_catalog.text), c.conrelid, c.conname
    FROM other o JOIN pg_catalog.pg_constraint c ON c.oid = o.object
    WHERE o.class = 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid
      AND c.contype = 'f'::pg_catalog."char"
    UNION
    SELECT CASE WHEN a.attgenerated <> ''::pg_catalog."char" THEN 'generated column'
                WHEN o.class = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid THEN 'column'
                ELSE 'default' END,
           CASE WHEN a.attgenerated <> ''::pg_catalog."char"
                  OR o.class = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid THEN 'DROP COLUMN'
                ELSE 'DROP DEFAULT' END,
           pg_catalog.quote_ident(a.attname::pg_catalog.text), a.attrelid, a.attname
    FROM other o
    LEFT JOIN pg_catalog.pg_attrdef e
      ON o.class = 'pg_catalog.pg_attrdef'::pg_catalog.regclass::pg_catalog.oid AND e.oid = o.object
    JOIN pg_catalog.pg_attribute a
      ON CASE WHEN e.oid IS NULL
              THEN o.class = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND o.part > 0
                   AND a.attrelid = o.object AND a.attnum::pg_catalog.int4 = o.part
              ELSE a.attrelid = e.adrelid AND a.attnum = e.adnum END
    UNION
    -- A child, by inheritance. What an extension keeps in a schema of its own, it looks after itself.
    SELECT 'table', CASE c.relkind WHEN 'f' THEN 'DROP FOREIGN TABLE' ELSE 'DROP TABLE' END, '', c.oid, c.relname
    FROM other o JOIN pg_catalog.pg_class c ON c.oid = o.object AND c.relkind = ANY ('{r,p,f}'::pg_catalog."char"[])
    WHERE o.class = 'pg_catalog.pg_class'::pg_catalog.regclass::pg_catalog.oid AND o.part = 0 AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_depend e
        WHERE e.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass::pg_catalog.oid
          AND e.objid = c.relnamespace AND e.deptype = 'e'::pg_catalog."char")
    UNION
    -- The columns of a partition key depend on their table and not the other way round.
    SELECT 'partition key', '', '', d.refobjid, ''::pg_catalog.name
    FROM asked JOIN start s ON asked.kind = 'column'::pg_catalog.text
    JOIN pg_catalog.pg_depend d ON d.classid = s.class AND d.objid = s.object AND d.objsubid = s.part
    WHERE d.refclassid = s.class AND d.refobjid = s.object AND d.refobjsubid = 0 AND d.deptype = 'i'::pg_catalog."char"
    UNION
    SELECT 'parent', 'DROP COLUMN', pg_catalog.quote_ident(asked.name::pg_catalog.text), i.inhparent, asked.name
    FROM asked JOIN pg_catalog.pg_inherits i ON i.inhrelid = asked.relation
    JOIN pg_catalog.pg_attribute a ON a.attrelid = i.inhparent AND a.attname = asked.name AND NOT a.attisdropped
    WHERE asked.kind = 'column'::pg_catalog.text
    UNION
    SELECT i.type, '', i.identity, 0::pg_catalog.oid, ''::pg_catalog.name
    FROM other o JOIN LATERAL pg_catalog.pg_identify_object(o.class, o.object, o.part) i ON true
    WHERE o.class <> ALL (ARRAY[
              'pg_catalog.pg_rewrite', 'pg_catalog.pg_trigger', 'pg_catalog.pg_policy', 'pg_catalog.pg_publication_rel',
              'pg_catalog.pg_proc', 'pg_catalog.pg_attrdef', 'pg_catalog.pg_class']::pg_catalog.regclass[]::pg_catalog.oid[])
      AND NOT EXISTS (
              SELECT FROM pg_catalog.pg_constraint c
              WHERE o.class = 'pg_catalog.pg_constraint'::pg_catalog.regclass::pg_catalog.oid AND c.oid = o.object
                AND c.contype = 'f'::pg_catalog."char")
)
SELECT n.kind, n.verb, n.own, c.oid::pg_catalog.regclass::pg_catalog.text AS relation,
       CASE WHEN c.oid IS NULL THEN ''
            WHEN pg_catalog.pg_table_is_visible(c.oid)
            THEN pg_catalog.format('"%%s"', pg_catalog.replace(c.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text))
            ELSE pg_catalog.format('"%%s"."%%s"', pg_catalog.replace(s.nspname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text), pg_catalog.replace(c.relname::pg_catalog.text, '"'::pg_catalog.text, '""'::pg_catalog.text)) END AS table,
       n.name::pg_catalog.text AS name
FROM named n
LEFT JOIN pg_catalog.pg_class c ON c.oid = n.relation
LEFT JOIN pg_catalog.pg_namespace s ON s.oid = c.relnamespace
ORDER BY 1, 3, 4
