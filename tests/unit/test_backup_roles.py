import gzip
import io
from pathlib import Path

import pytest

from pytest_pgsafe.backup.archive import Archive
from pytest_pgsafe.backup.dump import of_text
from pytest_pgsafe.backup.roles import mentioned
from pytest_pgsafe.errors import RestoreError

DUMP = '''\
ALTER TABLE public.a OWNER TO app_owner;
ALTER TABLE public."OWNER TO x" OWNER TO "Odd ""name""";
GRANT SELECT,INSERT ON TABLE public.a TO reader;
GRANT ALL ON SCHEMA public TO PUBLIC;
GRANT SELECT ON TABLE public.a TO boss WITH GRANT OPTION;
REVOKE ALL ON TABLE public.a FROM former;
ALTER DEFAULT PRIVILEGES FOR ROLE maker IN SCHEMA public GRANT SELECT ON TABLES TO taker;
ALTER DEFAULT PRIVILEGES FOR ROLE maker REVOKE ALL ON FUNCTIONS FROM PUBLIC;
CREATE POLICY p ON public.a FOR SELECT TO one, "Two" USING ((id > 0));
CREATE USER MAPPING FOR mapped SERVER s;
GRANT SELECT ON TABLE public.a TO pg_monitor;
COPY public.a (x) FROM stdin;
ALTER TABLE public.a OWNER TO not_a_role;
\\.
SET SESSION AUTHORIZATION last;
'''


def test_roles_of_a_dump_and_nothing_from_its_data() -> None:
    assert set(of_text(io.BufferedReader(io.BytesIO(DUMP.encode()))).roles) == {
        "app_owner", 'Odd "name"', "reader", "boss", "former", "maker", "taker", "one", "Two", "mapped", "last",
    }  # fmt: skip


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_packed_dump_mentions_the_same_roles(tmp_path: Path, end: str) -> None:
    plain, packed = tmp_path / "dump.sql", tmp_path / "dump.sql.gz"
    plain.write_text(DUMP, encoding="utf-8")
    packed.write_bytes(gzip.compress(DUMP.replace("\n", end).encode()))
    found = mentioned(Archive(packed, "plain", packed=("gzip",)))
    assert found == mentioned(Archive(plain, "plain"))
    assert "app_owner" in found


def test_a_packed_dump_that_is_cut(tmp_path: Path) -> None:
    (tmp_path / "dump.sql.gz").write_bytes(gzip.compress(DUMP.encode())[:-20])
    with pytest.raises(RestoreError, match="damaged or cut"):
        mentioned(Archive(tmp_path / "dump.sql.gz", "plain", packed=("gzip",)))
