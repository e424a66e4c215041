"""junit.py FILE: a line "TEST<tab>RESULT" for each test in a JUnit file, as CPython's regrtest writes them."""
import sys
import xml.etree.ElementTree as tree

for case in tree.parse(sys.argv[1]).iter("testcase"):
    name = case.get("name")
    result = "ok"
    for child in case:
        if child.tag in ("failure", "error"):
            result = "fail"
        elif child.tag == "skipped":
            result = "skip"
    # A class that is skipped as a whole is "setUpClass (test.x.Class)".
    print(f"{name.replace(' ', '_')}\t{result}")
