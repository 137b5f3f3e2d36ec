"""The kinds of things, as choices of a column."""

from django.db import models

from inventory.records import Kind


class KindChoices(models.TextChoices):
    VM = Kind.VM.value, "Virtual machine"
    HOST = Kind.HOST.value, "Host"
    CLUSTER = Kind.CLUSTER.value, "Cluster"
    NETWORK = Kind.NETWORK.value, "Network"
    SWITCH = Kind.SWITCH.value, "Distributed switch"
    DATASTORE = Kind.DATASTORE.value, "Datastore"
    IMAGE = Kind.IMAGE.value, "Image"
    ROLE = Kind.ROLE.value, "Role"
    GRANT = Kind.GRANT.value, "Grant"
    PRINCIPAL = Kind.PRINCIPAL.value, "Principal"
    PLATFORM = Kind.PLATFORM.value, "Platform"
