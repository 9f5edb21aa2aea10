"""The word lists that employees are made of."""

FIRST = (
    "Ada", "Bram", "Cleo", "Dario", "Elif", "Finn", "Greta", "Hugo", "Ines", "Jonas", "Kira", "Leon", "Mira",
    "Nils", "Olga", "Pavel", "Quinn", "Rosa", "Sven", "Tilda",
)  # fmt: skip
LAST = (
    "Alder", "Birch", "Cedar", "Dale", "Elm", "Fern", "Grove", "Heath", "Ivy", "Juniper", "Kelp", "Laurel",
    "Maple", "Nettle", "Oak", "Poplar", "Quince", "Rowan", "Sorrel", "Thorn",
)  # fmt: skip
TEAMS = ("Accounts", "Design", "Engineering", "Kitchen", "Logistics", "Sales", "Support")
