"""What every storage promises (tests/contract), held against a real server."""

import subprocess
from pathlib import Path

SUITE = Path(__file__).parents[3] / "build/dev/davit_contract"


def test_the_contract_of_storage(rgw, bucket):
    assert SUITE.exists(), "build it: scripts/dev build dev davit_contract"
    done = subprocess.run([SUITE, "[storage]~[local]"], env=rgw.variables(DAVIT_CONTRACT_S3=f"s3://{bucket}/suite"),
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "All tests passed" in done.stdout
    # The suite tidies up what it doesn't finish; what it has stored is there.
    left = rgw.client.objects(bucket)
    assert len(left) > 1000 and all(key.startswith("suite/") for key in left)
    assert rgw.client.uploads(bucket) == [] and [key for key in left if "/.current/" in key] == []
