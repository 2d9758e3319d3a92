"""What the gate tells of a consent's resources when they are too many for a
header: the address of a list on the management listener."""

import json
import urllib.parse

from .. import call, token
from . import data, shape


class Gate:
    def __init__(self, box, management):
        """The management is a function that says the listener's URL."""

        self.box = box
        self.management = management

    def resources(self, text):
        """[(resource id, legacy id as a dictionary)] of X-OOF-Resources."""

        if not text.startswith(("/", "http://")):
            return data.legacy_list(text)

        found = []
        while text:
            part, text = self._page(text)
            found += part

        return [(resource["resourceId"], shape.legacy_id(resource["legacyId"]))
                for resource in found
                if resource.get("status", "AVAILABLE") == "AVAILABLE"]

    def _page(self, address):
        """What a page has, and the address of the next or None."""

        parts = urllib.parse.urlsplit(address)
        headers = [("Authorization", "Bearer " + token.bank(self.box)),
                   ("Accept", "application/json")]
        answer = call.plain(self.management(), "GET",
                            parts.path + "?" + parts.query, headers)
        if answer.status != 200:
            raise OSError("the gate answered %d" % answer.status)

        body = json.loads(answer.body)
        found = body["data"]
        if isinstance(found, dict):
            found = found["resources"]
        return found, body.get("links", {}).get("next")
