"""Databases that nobody here wrote: how each is built from Debian's packages, one change of each, its effect."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Pairs = set[tuple[str, str]]
#: What the names of ledgersmb's 130 roles begin with: roles belong to the server, which others may use too.
ROLES = f"lsmb{os.getpid()}_"


@dataclass(frozen=True, kw_only=True)
class Foreign:
    """A schema. ``sql`` and ``change`` are given the folder of packages."""

    sql: Callable[[Path], Iterator[str]]
    #: At least so many tables with content, and so many rows in all: the packages get updates.
    tables: int
    rows: int
    change: Callable[[Path], Iterator[str]]
    #: Every change, as kind and object.
    changes: Pairs
    #: Every error, as code and object.
    errors: Pairs
    #: Every warning, as code and object, beside those that say what was wrong before.
    warnings: Pairs = field(default_factory=set[tuple[str, str]])
    #: The keys of the rows that samples show, by object, for those of which all are shown.
    keys: dict[str, set[str]] = field(default_factory=dict)


def _in(folder: Path, *names: str) -> Iterator[str]:
    for name in names:
        path = folder / name
        yield gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()


def _zabbix(folder: Path) -> Iterator[str]:
    sql = folder / "zabbix-server-pgsql/usr/share/zabbix-server-pgsql"
    yield from _in(sql, "schema.sql.gz", "images.sql.gz", "data.sql.gz")


def _zabbix_change(_: Path) -> Iterator[str]:
    yield """
        -- Two rows swap a value; a third loses one byte's worth of its picture.
        update item_tag set tag = case itemtagid when 6439 then 'backend' else 'frontend' end
        where itemtagid in (6439, 6444);
        update images set image = set_byte(image, 100, (get_byte(image, 100) + 1) % 256) where imageid = 3;
        -- The row that two others refer to, one of them by a foreign key that this drops.
        alter table items drop constraint c_items_3;
        delete from valuemap where valuemapid = 1;
        drop trigger hosts_name_upper_update on hosts;
        drop index graph_theme_1;
        alter table graph_theme alter column colorpalette type varchar(2048);
        """


def _ledgersmb_changes(folder: Path, *, last: bool) -> Iterator[str]:
    """Yield the changes that lead to 1.5, or those from there to 1.6, in ledgersmb's own order of loading."""
    changes = folder / "ledgersmb/usr/share/ledgersmb/sql/changes"
    before, _, after = (changes / "LOADORDER").read_text().partition("#1.6 changes")
    for line in (after if last else before).splitlines():
        if not line or line.startswith("#"):
            continue
        name = line.removeprefix("!")
        text = f"begin;\n{(changes / name).read_text()}\ncommit;\n"
        # An exclamation mark: it may fail, where the database has it already.
        yield text if name == line or last else f"\\set ON_ERROR_STOP 0\n{text}\\set ON_ERROR_STOP 1\n"


def _ledgersmb_15(folder: Path) -> Iterator[str]:
    for name in ("btree_gist", "tablefunc", "pgcrypto", "pg_trgm"):
        yield f"create extension {name};"
    yield from _in(folder, "ledgersmb/usr/share/ledgersmb/sql/Pg-database.sql")
    yield from _ledgersmb_changes(folder, last=False)


def _ledgersmb_to_16(folder: Path) -> Iterator[str]:
    yield from _ledgersmb_changes(folder, last=True)


def _ledgersmb(folder: Path) -> Iterator[str]:
    yield from _ledgersmb_15(folder)
    yield from _ledgersmb_to_16(folder)
    yield f"insert into defaults values ('role_prefix', '{ROLES}');"
    sql = folder / "ledgersmb/usr/share/ledgersmb/sql"
    for name in (sql / "modules/LOADORDER").read_text().splitlines():
        # The last one only looks at the others.
        if name and not name.startswith("#") and name != "Duplicates_Functions.sql":
            [text] = _in(sql / "modules", name)
            # A view that 16 does not take: pg_auth_members has an oid of its own there.
            yield text.replace(
                "select * from pg_auth_members m join", "select m.member, a.* from pg_auth_members m join"
            )
    yield from _in(sql, "coa/us/chart/General.sql")
    # Rows in children by inheritance: translations are ledgersmb's own.
    yield """
        insert into language values ('zz', 'Backwards');
        insert into account_translation (trans_id, language_code, description)
        select id, 'zz', reverse(description) from account;
        """


def _ledgersmb_change(_: Path) -> Iterator[str]:
    yield f"""
        update only account_translation set description = description || ' '
        where trans_id = (select min(id) from account) and language_code = 'zz';
        delete from account_link where description = 'AR_tax';
        alter table gl disable trigger gl_audit_trail;
        revoke select on country from {ROLES}base_user;
        alter table file_part drop constraint file_part_file_class_check;
        alter function setting_get(varchar) stable;
        alter table note add column colour text;
        """


def _kea(folder: Path) -> Iterator[str]:
    yield from _in(folder, "kea-admin/usr/share/kea/scripts/pgsql/dhcpdb_create.pgsql")
    yield """
        insert into lease4 (address, hwaddr, client_id, valid_lifetime, expire, subnet_id, fqdn_fwd, fqdn_rev, hostname)
        select 167772160 + g, decode(lpad(to_hex(g), 12, '0'), 'hex'), null, 3600,
            timestamptz '2026-01-01 00:00:00.123456+00' + g * interval '1 minute', 1, g % 2 = 0, null, 'host' || g
        from generate_series(1, 2000) g;
        """


def _kea_change(_: Path) -> Iterator[str]:
    yield """
        update lease4 set expire = date_trunc('second', expire) where address = 167772161;
        update lease4 set client_id = '' where address = 167772162;
        update lease6_types set name = 'IA_TA' where lease_type = 2;
        drop trigger dhcp4_options_adel on dhcp4_options;
        alter table dhcp4_options_server drop constraint fk_dhcp4_options_server_option_id;
        alter table dhcp4_options_server add constraint fk_dhcp4_options_server_option_id
            foreign key (option_id) references dhcp4_options (option_id);
        """


def _icingadb(folder: Path) -> Iterator[str]:
    yield "create extension citext;"
    yield from _in(folder, "icingadb/usr/share/icingadb/schema/pgsql/schema.sql")
    yield """
        insert into comment (id, environment_id, object_type, host_id, name_checksum, properties_checksum, name, author,
            text, entry_type, entry_time, is_persistent, is_sticky)
        select decode(lpad(to_hex(g), 40, '0'), 'hex'), decode(repeat('ab', 20), 'hex'),
            (case g % 2 when 0 then 'host' else 'service' end)::checkable_type, decode(repeat('cd', 20), 'hex'),
            decode(repeat('00', 20), 'hex'), decode(repeat('00', 20), 'hex'), 'comment ' || g, 'Author ' || g, 'text',
            'ack', 1700000000000 + g, 'n', 'y'
        from generate_series(1, 500) g;
        """


def _icingadb_change(_: Path) -> Iterator[str]:
    yield """
        -- Equal to citext's own eye.
        update comment set author = 'author 7' where name = 'comment 7';
        alter type comment_type rename value 'ack' to 'acknowledged';
        alter domain tinyuint drop constraint between_0_and_255;
        alter table comment alter column entry_time type bigint;
        """


def _davical(folder: Path) -> Iterator[str]:
    yield from _in(folder / "libawl-php/usr/share/awl/dba", "awl-tables.sql", "schema-management.sql")
    sql = folder / "davical/usr/share/davical/dba"
    yield from _in(sql, "davical.sql", "base-data.sql", "rrule_functions.sql", "caldav_functions.sql")
    yield from _in(sql, "views/dav_principal.sql")


def _davical_change(_: Path) -> Iterator[str]:
    yield """
        drop view dav_principal;
        select setval('dav_id_seq', 1);
        """


#: Version 1.6 gives ``entity`` another primary key, and so drops and makes anew all foreign keys to it: seven of them
#: without the ON DELETE CASCADE that they had.
_LOST_CASCADE = {
    "public.entity_bank_account.entity_bank_account_entity_id_fkey",
    "public.entity_credit_account.entity_credit_account_entity_id_fkey",
    "public.entity_note.entity_note_ref_key_fkey",
    "public.entity_other_name.entity_other_name_entity_id_fkey",
    "public.entity_to_contact.entity_to_contact_entity_id_fkey",
    "public.entity_to_location.entity_to_location_entity_id_fkey",
    "public.users.users_entity_id_fkey",
}

FOREIGN = {
    "zabbix": Foreign(
        sql=_zabbix,
        tables=173,
        rows=100_000,
        change=_zabbix_change,
        changes={
            ("column", "public.graph_theme.colorpalette"),
            ("constraint", "public.items.c_items_3"),
            ("index", "public.graph_theme_1"),
            ("rows", "public.valuemap"),
            ("rows", "public.valuemap_mapping"),
            ("trigger", "public.hosts.hosts_name_upper_update"),
            ("values", "public.images.image"),
            ("values", "public.item_tag.tag"),
        },
        errors={
            ("PGS101", "public.valuemap"),
            ("PGS101", "public.valuemap_mapping"),
            ("PGS201", "public.images.image"),
            ("PGS201", "public.item_tag.tag"),
            ("PGS501", "public.items.c_items_3"),
            ("PGS511", "public.graph_theme_1"),
            ("PGS524", "public.hosts.hosts_name_upper_update"),
        },
        # INSERT … ON CONFLICT names what the index was of.
        warnings={("PGS554", "public.graph_theme_1")},
        keys={
            "public.valuemap": {"1"},
            "public.valuemap_mapping": {"1", "2"},
            "public.images.image": {"3"},
            "public.item_tag.tag": {"6439", "6444"},
        },
    ),
    "ledgersmb-1.5": Foreign(
        sql=_ledgersmb_15,
        tables=165,
        rows=1_900,
        change=_ledgersmb_to_16,
        changes={
            *(("column", f"public.{table}.{name}") for table in ("ap", "ar") for name in ("paid", "datepaid")),
            ("column", "public.audittrail.person_id"),
            ("column", "public.audittrail.rolname"),
            ("column", "public.gl.trans_type_code"),
            *(("column", f"public.inventory_report.{name}") for name in ("trans_id", "ar_trans_id", "ap_trans_id")),
            ("constraint", "public.defaults.defaults_password_duration_check"),
            ("constraint", "public.entity.entity_entity_class_fkey1"),
            ("constraint", "public.entity.entity_id_key"),
            ("constraint", "public.entity.entity_pkey"),
            ("constraint", "public.entity_credit_account.entity_credit_account_business_id_fkey"),
            ("constraint", "public.gl.gl_trans_type_code_fkey"),
            ("constraint", "public.inventory_report.inventory_report_trans_id_fkey"),
            *(("constraint", name) for name in _LOST_CASCADE),
            ("function", "public.gl_audit_trail_append()"),
            *(
                ("index", f"public.{name}")
                for name in (
                    "acc_trans_chart_id_idx",
                    "acc_trans_invoice_id_idx",
                    "acc_trans_recon_idx",
                    "acc_trans_trans_id_idx",
                    "ap_entity_credit_account_idx",
                    "ar_entity_credit_account_idx",
                    "entity_id_key",
                    "entity_pkey",
                    "invoice_cogs_idx",
                    "invoice_parts_id_idx",
                    "voucher_batch_id_idx",
                    "voucher_trans_id_idx",
                )
            ),
            ("rows", "public.country"),
            ("rows", "public.salutation"),
            ("sequence value", "public.country_id_seq"),
            ("sequence value", "public.salutation_id_seq"),
            ("table", "public.trans_type"),
            *(("trigger", f"public.{table}.{table}_track_deleted_transaction") for table in ("ap", "ar", "gl")),
            ("view", "public.chart"),
        },
        errors={
            *(("PGS502", name) for name in _LOST_CASCADE),
            ("PGS521", "public.audittrail.person_id"),
            ("PGS531", "public.chart"),
        },
    ),
    "ledgersmb": Foreign(
        sql=_ledgersmb,
        tables=166,
        rows=2_300,
        change=_ledgersmb_change,
        changes={
            *(
                ("column", f"public.{table}note.colour")
                for table in ("", "asset_", "budget_", "eca_", "entity_", "invoice_", "journal_")
            ),
            ("constraint", "public.file_part.file_part_file_class_check"),
            ("function", "public.setting_get(character varying)"),
            ("grant", f"table public.country SELECT {ROLES}base_user"),
            ("rows", "public.account_link"),
            ("trigger", "public.gl.gl_audit_trail"),
            ("values", "public.account_translation.description"),
        },
        errors={
            ("PGS101", "public.account_link"),
            ("PGS201", "public.account_translation.description"),
            ("PGS501", "public.file_part.file_part_file_class_check"),
            ("PGS524", "public.gl.gl_audit_trail"),
            ("PGS701", "public.country"),
        },
        keys={"public.account_link": {"41, AR_tax"}, "public.account_translation.description": {"1, zz"}},
    ),
    "kea": Foreign(
        sql=_kea,
        tables=55,
        rows=2_041,
        change=_kea_change,
        changes={
            ("constraint", "public.dhcp4_options_server.fk_dhcp4_options_server_option_id"),
            ("trigger", "public.dhcp4_options.dhcp4_options_adel"),
            ("values", "public.lease4.client_id"),
            ("values", "public.lease4.expire"),
            ("values", "public.lease6_types.name"),
        },
        errors={
            ("PGS201", "public.lease4.client_id"),
            ("PGS201", "public.lease4.expire"),
            ("PGS201", "public.lease6_types.name"),
            ("PGS502", "public.dhcp4_options_server.fk_dhcp4_options_server_option_id"),
            ("PGS524", "public.dhcp4_options.dhcp4_options_adel"),
        },
        keys={
            "public.lease4.client_id": {"167772162"},
            "public.lease4.expire": {"167772161"},
            "public.lease6_types.name": {"2"},
        },
    ),
    "icingadb": Foreign(
        sql=_icingadb,
        tables=61,
        rows=501,
        change=_icingadb_change,
        changes={
            ("column", "public.comment.entry_time"),
            ("constraint", "public.tinyuint.between_0_and_255"),
            ("type", "public.comment_type"),
            ("values", "public.comment.author"),
            ("values", "public.comment.entry_type"),
        },
        errors={
            ("PGS201", "public.comment.author"),
            ("PGS201", "public.comment.entry_type"),
            ("PGS204", "public.comment.entry_time"),
            ("PGS501", "public.tinyuint.between_0_and_255"),
            ("PGS532", "public.comment_type"),
        },
        keys={"public.comment.author": {"\\x0000000000000000000000000000000000000007"}},
    ),
    "davical": Foreign(
        sql=_davical,
        tables=34,
        rows=23,
        change=_davical_change,
        changes={("sequence value", "public.dav_id_seq"), ("view", "public.dav_principal")},
        errors={("PGS531", "public.dav_principal"), ("PGS602", "public.dav_id_seq")},
    ),
}
