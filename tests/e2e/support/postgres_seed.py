"""SQL for a cluster with one of everything that a dump of all databases and roles has to carry."""

ODD_NAMES = ["my\"db 'x", "-dash", "ümläut"]

SEED = r"""
create role staff nologin;
create role alice login password 'pa''ss' connection limit 9 valid until '2099-01-01 00:00Z';
set password_encryption = md5;
create role bob login password 'old hash' createdb;
reset password_encryption;
create role "Odd ""role'" nologin noinherit bypassrls;
grant staff to alice with admin option;
grant pg_read_all_data to bob;
comment on role staff is 'who works; here';
alter role alice set search_path = "$user", public, pg_temp;
alter role alice set application_name = 'it''s; me';

create tablespace fast owner alice location '/srv/space/one';
grant create on tablespace fast to staff;

create database app owner alice tablespace fast;
create database bench;
create database latin template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C';
create database german template template0 locale_provider icu icu_locale 'de-DE';
create database closed;
alter database closed allow_connections false;
create database "my""db 'x" owner "Odd ""role'";
create database "-dash";
create database "ümläut";
revoke connect, temporary on database app from public;
grant connect on database app to staff, bob;
grant create on database app to staff with grant option;
comment on database app is 'the shop''s; "app"';
alter database app set timezone = 'Asia/Tokyo';
alter database app set default_transaction_read_only = off;
alter role alice in database app set work_mem = '9MB';
alter database "my""db 'x" connection limit 11;

\connect app
create extension pgcrypto;
create schema private authorization alice;
alter default privileges for role alice in schema private grant select on tables to staff;
alter default privileges for role alice revoke execute on functions from public;
create table notes(id int primary key, body text);
insert into notes select n, 'older' from generate_series(1, 100) n;
create table words(id bigint generated always as identity primary key, word text unique, hash bytea);
insert into words(word, hash) select 'word ' || n, digest(n::text, 'sha256') from generate_series(1, 20000) n;
create index on words(hash) tablespace pg_default;
create view long_words as select * from words where length(word) > 8;
create materialized view counted as select length(word), count(*) from words group by 1 order by 1;
create function shout(text) returns text language sql immutable as $$ select upper($1) || '; \restrict' $$;
create table log(at timestamptz, line text) partition by range (at);
create table log_2024 partition of log for values from ('2024-01-01') to ('2025-01-01');
insert into log values ('2024-02-29 12:00Z', E'a tab\t, a backslash \\ and a newline\n');
alter table words enable row level security;
create policy short on words for select to staff using (length(word) < 8);
grant select (id, word) on words to staff;
select lo_from_bytea(4711, decode(repeat('c0ffee', 50000), 'hex'));
select lo_from_bytea(4712, '');
alter large object 4711 owner to alice;
grant select on large object 4711 to staff;
comment on large object 4711 is 'coffee';

\connect latin
set client_encoding = 'UTF8';
create table names(name text);
insert into names select 'Größe ' || n from generate_series(1, 5000) n;

\connect german
create table names(name text);
insert into names values ('Zebra'), ('äpfel'), ('Apfel'), ('œuvre'), ('漢字');
create index on names(name);

\connect "my""db 'x"
create table t("col;umn" int);
insert into t values (1), (2);

\connect "-dash"
create table t as select 3 as n;

\connect "ümläut"
create table t as select 4 as n;
"""
