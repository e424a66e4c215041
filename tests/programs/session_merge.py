# session_merge.py OLD NEW OLD_COMPARABLE NEW_COMPARABLE: prints the session NEW in the words of OLD: where the comparable forms
# of two lines are the same, OLD's line stays. In a line that is new, a pid or a port that OLD shows under another number has
# OLD's number.
import difflib
import re
import sys

old, new, old_form, new_form = (open(path).read().split("\n") for path in sys.argv[1:])
NUMBER = re.compile(r"(?<![\d.])\d{3,}(?![\d.])")
known = {}


def learn(ours, theirs):
    mine, yours = NUMBER.findall(ours), NUMBER.findall(theirs)
    if len(mine) == len(yours):
        known.update((b, a) for a, b in zip(mine, yours) if a != b)


blocks = difflib.SequenceMatcher(None, old_form, new_form, autojunk=False).get_opcodes()
for kind, a, a_end, b, b_end in blocks:
    if kind == "equal":
        for ours, theirs in zip(old[a:a_end], new[b:b_end]):
            learn(ours, theirs)
result = []
for kind, a, a_end, b, b_end in blocks:
    if kind == "equal":
        result += old[a:a_end]
    else:
        result += [NUMBER.sub(lambda m: known.get(m[0], m[0]), line) for line in new[b:b_end]]
print("\n".join(result), end="")
