"""What went wrong between Grafana and us, in one line each."""

TOKEN = "GRAFANA_TOKEN"  # noqa: S105 - the variable's name


class GrafanaError(Exception):
    """Grafana refused, or did not answer, or is none; the message never holds the token."""


_MEANINGS = {
    400: "it does not accept this",
    401: f"the token in {TOKEN} is not valid there",
    403: "the token's service account may not do this: it needs the role Editor, or the permissions to read, create "
    "and write dashboards and folders, in the organisation that --grafana-namespace names",
    404: "it is not there, or no longer",
    409: "there is one already, or it was changed meanwhile; look, and run this again",
    412: "it was changed by someone else meanwhile; look, and run this again",
    413: "it is too large for that server or for a proxy before it",
    422: "it is not valid there; a Grafana that is older than the boards' schema does not take them",
    429: "too many requests; try again later",
}


def refused(what: str, status: int, said: str) -> GrafanaError:
    """An answer that is none of the good ones: ``what`` was tried, and what the server ``said`` to it."""
    if 300 <= status < 400:
        meaning = "it leads elsewhere, where the token is not sent; give the address at which Grafana itself answers"
    elif status >= 500:
        meaning = "the server, or a proxy before it, fails"
    else:
        meaning = _MEANINGS.get(status, "this is unexpected")
    return GrafanaError(f"{what}: the server answers {status}: {meaning}{f' ({said})' if said else ''}.")
