"""From a source of paintings to the catalogue that every later stage starts from.

Belongs here: fetching WikiArt (`sources`), the catalogue with its quarantine
(`catalogue`), the choice by style (`styles`) and for super-resolution (`sr`). Does not
belong here: anything that changes a picture; original bytes are never changed.
"""
