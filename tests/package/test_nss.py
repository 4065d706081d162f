# SPDX-License-Identifier: MIT
"""What the package libnss-muster does to /etc/nsswitch.conf: its scripts run on copies."""

import os
import pathlib
import subprocess
import tempfile
import unittest

SCRIPTS = pathlib.Path(__file__).resolve().parents[2] / "tools/package/nss"
ENTRY = "muster [NOTFOUND=return]"

# What hosts is, and what it becomes.
LINES = {
    "hosts: files dns": f"hosts: files {ENTRY} dns",
    "hosts:\t\tfiles mdns4_minimal [NOTFOUND=return] dns myhostname": f"hosts:\t\tfiles mdns4_minimal [NOTFOUND=return] {ENTRY} dns myhostname",
    "hosts: mymachines resolve [!UNAVAIL=return] files myhostname dns": f"hosts: mymachines {ENTRY} resolve [!UNAVAIL=return] files myhostname dns",
    "hosts:dns": f"hosts:{ENTRY} dns",
    "hosts: files dns[NOTFOUND=return]  # as it was": f"hosts: files {ENTRY} dns[NOTFOUND=return]  # as it was",
    "hosts: files": f"hosts: files {ENTRY}",
    "hosts: mdns dnsmasq xdns # dns": f"hosts: mdns dnsmasq xdns {ENTRY} # dns",
}
OTHERS = "# a comment on hosts: files dns\npasswd: files systemd\n{}\nnetworks: files dns\n# the end\n"


class Scripts(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="muster-nss-")
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)
        (self.root / "etc").mkdir()
        self.file = self.root / "etc/nsswitch.conf"

    def run_script(self, name, *arguments):
        command = ["sh", str(SCRIPTS / name), *arguments]
        subprocess.run(command, env={**os.environ, "DPKG_ROOT": str(self.root)}, check=True)
        self.assertEqual([path.name for path in (self.root / "etc").iterdir() if "new" in path.name], [])
        return self.file.read_text() if self.file.exists() else None

    def test_there_and_back(self):
        for before, after in LINES.items():
            with self.subTest(before):
                self.file.write_text(OTHERS.format(before))
                self.file.chmod(0o640)
                self.assertEqual(self.run_script("postinst", "configure", ""), OTHERS.format(after))
                self.assertEqual(self.run_script("postinst", "configure", ""), OTHERS.format(after))
                self.assertEqual(self.run_script("postrm", "remove"), OTHERS.format(after))
                self.assertEqual(self.run_script("postrm", "purge").replace(" #", "#"), OTHERS.format(before).replace(" #", "#"))
                self.assertEqual(self.run_script("postrm", "purge").replace(" #", "#"), OTHERS.format(before).replace(" #", "#"))
                self.assertEqual(self.file.stat().st_mode & 0o777, 0o640)

    def test_what_the_owner_wrote_stays(self):
        for line in ("hosts: files muster dns", "hosts: muster[NOTFOUND=continue] files dns", "hosts:muster dns"):
            self.file.write_text(OTHERS.format(line))
            self.assertEqual(self.run_script("postinst", "configure", ""), OTHERS.format(line))
        without = OTHERS.format("hosts: files dns")
        self.file.write_text(without)
        self.assertEqual(self.run_script("postinst", "configure", "0.1-1"), without)
        self.assertEqual(self.run_script("postinst", "abort-upgrade", ""), without)
        self.file.write_text(OTHERS.format("hosts: files muster[NOTFOUND=continue] dns muster"))
        self.assertEqual(self.run_script("postrm", "purge"), without)

    def test_a_link_stays_one(self):
        real = self.root / "real"
        real.write_text("hosts: dns\n")
        self.file.symlink_to(real)
        self.run_script("postinst", "configure", "")
        self.assertTrue(self.file.is_symlink())
        self.assertEqual(real.read_text(), f"hosts: {ENTRY} dns\n")

    def test_a_machine_without_the_file(self):
        self.assertIsNone(self.run_script("postinst", "configure", ""))
        self.assertIsNone(self.run_script("postrm", "purge"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
