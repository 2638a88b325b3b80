"""What setup.cfg cannot say: the files of ``deapnets plugins new`` go into the package."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py


class BuildWithTemplate(build_py):
    """Put examples/plugin-template beside the modules; an editable install reads it there."""

    def run(self) -> None:
        """Copy the modules, then the template."""
        super().run()
        if not self.editable_mode:
            target = Path(self.build_lib, "deapnets", "template")
            shutil.rmtree(target, ignore_errors=True)
            left_out = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist", ".*")
            shutil.copytree("examples/plugin-template", target, ignore=left_out)


setup(cmdclass={"build_py": BuildWithTemplate})
