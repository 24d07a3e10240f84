"""SNOMED CT identifiers: 6 to 18 digits, the last one a Verhoeff check digit over the others.

Source: SNOMED CT Technical Implementation Guide, "SCTID data type" and "check digit"; J. Verhoeff 1969.
"""
MULTIPLY = [  # of the dihedral group D5
    [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
    [1, 2, 3, 4, 0, 6, 7, 8, 9, 5],
    [2, 3, 4, 0, 1, 7, 8, 9, 5, 6],
    [3, 4, 0, 1, 2, 8, 9, 5, 6, 7],
    [4, 0, 1, 2, 3, 9, 5, 6, 7, 8],
    [5, 9, 8, 7, 6, 0, 4, 3, 2, 1],
    [6, 5, 9, 8, 7, 1, 0, 4, 3, 2],
    [7, 6, 5, 9, 8, 2, 1, 0, 4, 3],
    [8, 7, 6, 5, 9, 3, 2, 1, 0, 4],
    [9, 8, 7, 6, 5, 4, 3, 2, 1, 0],
]
PERMUTE_ONCE = [1, 5, 7, 6, 2, 8, 3, 0, 9, 4]


def _permute(times, digit):
    for _ in range(times % 8):
        digit = PERMUTE_ONCE[digit]
    return digit


def fault(code):
    """What is wrong with a code, None where nothing is."""
    if not (code.isascii() and code.isdigit() and 6 <= len(code) <= 18) or code[0] == "0":
        return f"SNOMED CT code {code!r} is not 6 to 18 digits"
    if code[-3:-1] not in ("00", "10"):
        return f"SNOMED CT code {code} does not name a concept (its partition is {code[-3:-1]})"
    check = 0
    for place, digit in enumerate(reversed(code)):
        check = MULTIPLY[check][_permute(place, int(digit))]
    return f"SNOMED CT code {code} has a wrong check digit" if check else None
