#!/usr/bin/python3
"""Turn JUnit reports into lines `pass|fail|skip TAB name TAB why`: tally.py PREFIX FILE [FILE ...]"""

import sys
import xml.etree.ElementTree as ElementTree


def lines(prefix, path):
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{prefix} {case.get('classname', '')} {case.get('name', '')}".replace("\t", " ")
        failed = case.find("failure")
        failed = case.find("error") if failed is None else failed
        skipped = case.find("skipped")
        if failed is not None:
            why = (failed.get("message") or failed.text or "").strip().split("\n")[0]
            yield "fail", name, why
        elif skipped is not None:
            yield "skip", name, (skipped.get("message") or skipped.text or "no reason given").strip()
        else:
            yield "pass", name, ""


def main(prefix, *paths):
    count = 0
    for path in paths:
        for outcome, name, why in lines(prefix, path):
            count += 1
            print(outcome, name, why.replace("\n", " ")[:200], sep="\t")
    if count == 0:
        sys.exit("no test ran")


main(*sys.argv[1:])
