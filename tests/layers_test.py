#!/usr/bin/env python3
"""The layer check must refuse what it is there to refuse, and nothing else."""

import tempfile
import unittest
from pathlib import Path

import layers


def findings(**files):
    with tempfile.TemporaryDirectory() as directory:
        for name, text in files.items():
            path = Path(directory, name.replace("__", "/") + ".cpp")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return layers.check(Path(directory))


class Layers(unittest.TestCase):
    def refused(self, text, **files):
        found = findings(**files)
        self.assertEqual(len(found), 1, found)
        self.assertIn(text, found[0])

    def test_allowed_edges_pass(self):
        self.assertEqual([], findings(app__a='#include "catalog/x.hpp"\n#include "stream/y.hpp"\n#include <vector>\n'))

    def test_upward_include_is_refused(self):
        self.refused("stream must not include net", stream__a='#include "net/http.hpp"\n')

    def test_sources_never_see_storage(self):
        self.refused("sources must not include storage", sources__a='#include "storage/storage.hpp"\n')

    def test_storage_never_sees_the_catalog(self):
        self.refused("storage must not include catalog", storage__local__a='#include "catalog/x.hpp"\n')

    def test_relative_include_is_refused(self):
        self.refused("include by its layer", util__a='#include "error.hpp"\n')

    def test_unknown_folder_is_refused(self):
        self.refused("is no layer", misc__a="int x;\n")

    def test_words_of_cli_are_refused_below_it(self):
        self.refused("CLI11", app__a="#include <CLI/CLI.hpp>\n")
        self.refused("iostream", app__a="#include <iostream>\n")
        self.refused("printing", app__a='void f() { std::printf("x"); }\n')
        self.refused("exit", app__a="void f() { std::exit(1); }\n")
        self.refused("getenv", app__a='auto x = ::getenv("HOME");\n')

    def test_the_same_words_pass_where_they_belong(self):
        self.assertEqual([], findings(
            cli__a='#include <CLI/CLI.hpp>\nvoid f() { std::printf("x"); }\n',
            util__env='auto x = std::getenv("HOME");\n',
            util__b='void f() { ::_exit(1); std::snprintf(b, 1, "x"); process.exit(1); }\n',
            util__c='// printf("x");\n/* exit(1); */\nauto s = "exit(1)";\n'))


if __name__ == "__main__":
    unittest.main()
