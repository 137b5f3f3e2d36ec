"""Who may do what: people, their teams and roles, and the tokens that act for them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.validators import UnicodeUsernameValidator
from django.contrib.postgres.fields import ArrayField
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.crypto import salted_hmac
from django.utils.functional import cached_property

from accounts.permissions import Permission
from accounts.roles import ROLES, Role

MAXIMUM_TOKEN_DAYS = 90


class Team(models.Model):
    """People who answer for machines. An asset belongs to at most one."""

    name = models.CharField(max_length=100)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                name="team_name_unique",
                violation_error_message="There is already a team with this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class UserManager(BaseUserManager["User"]):
    def create_user(self, username: str, password: str | None = None, **fields: Any) -> User:
        """A new person who may do nothing yet. Without a password nobody can sign in as them."""
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person. There is no superuser: what somebody may do is the union of their roles."""

    class Scope(models.TextChoices):
        ALL = "all", "The whole estate"
        TEAMS = "teams", "Their teams' machines"

    username = models.CharField(
        max_length=150, unique=True, validators=[UnicodeUsernameValidator()]
    )
    full_name = models.CharField(max_length=150, blank=True)
    email = models.EmailField(blank=True)
    scope = models.CharField(max_length=10, choices=Scope, default=Scope.TEAMS)
    teams = models.ManyToManyField(Team, related_name="members", blank=True)
    is_active = models.BooleanField(default=True)
    # Part of every session's seal: counting up ends all of this person's sessions at once.
    session_generation = models.PositiveIntegerField(default=0)
    # Their password was chosen by somebody else; nothing opens until they have chosen their own.
    must_change_password = models.BooleanField(default=False)
    # Who chose that password, and who removed the second factor that has not been replaced: nobody
    # does both to one person, and so nobody becomes them.
    password_set_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    second_factor_removed_by = models.ForeignKey(
        "self", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    second_factor_removed_at = models.DateTimeField(null=True, blank=True)
    # Who signs in at a provider (`accounts.sso`) is known there by `subject` and has no password.
    provider = models.CharField(max_length=50, blank=True, default="", db_default="")
    subject = models.CharField(max_length=255, blank=True, default="", db_default="")
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        ordering = ["username"]
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="username_unique",
                violation_error_message="Somebody already has this username.",
            ),
            models.UniqueConstraint(
                fields=["provider", "subject"],
                condition=~Q(provider=""),
                name="subject_once_per_provider",
            ),
            models.CheckConstraint(
                condition=Q(provider="", subject="")
                | (~Q(provider="") & ~Q(subject="") & Q(password__startswith="!")),  # noqa: S106
                name="no_password_beside_a_provider",
                violation_error_message="Who signs in at a provider has no password here.",
            ),
        ]

    def __str__(self) -> str:
        return self.full_name or self.username

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        return salted_hmac(
            "accounts.User.session",
            f"{self.password}:{self.session_generation}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()

    def get_full_name(self) -> str:
        return self.full_name or self.username

    @cached_property
    def roles(self) -> frozenset[Role]:
        """This costs one query unless the person was read by `accounts.backends`."""
        names = getattr(self, "role_names", None)
        if names is None:
            names = [assignment.role for assignment in self.role_assignments.all()]
        return frozenset(Role(name) for name in names if name in set(Role))

    @cached_property
    def permissions(self) -> frozenset[Permission]:
        granted: frozenset[Permission] = frozenset()
        return granted.union(*(ROLES[role] for role in self.roles))

    @cached_property
    def team_ids(self) -> list[int]:
        """What `visible_to` narrows by. One query unless `accounts.backends` read the person."""
        numbers = getattr(self, "team_numbers", None)
        return sorted(team.pk for team in self.teams.all()) if numbers is None else sorted(numbers)

    @property
    def sees_everything(self) -> bool:
        return self.scope == self.Scope.ALL

    def may(self, permission: Permission) -> bool:
        """Whether one of this person's roles grants it. A disabled account may do nothing."""
        return self.is_active and permission in self.permissions


class RoleAssignment(models.Model):
    """Somebody was given a role by somebody else; `granted_by` is null if a command did it."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="role_assignments")
    role = models.CharField(max_length=20, choices=[(role.value, role.value) for role in Role])
    granted_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    granted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "role"], name="role_once_per_user"),
            models.CheckConstraint(
                condition=Q(granted_by__isnull=True) | ~Q(granted_by=F("user")),
                name="role_not_granted_to_oneself",
                violation_error_message="Nobody can give a role to themselves.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role}"


class Session(AbstractBaseSession):
    """A browser that talks to us. The row is the session: without it the browser is nobody's."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, related_name="sessions")
    # Names it on pages; its key would let anybody in who read it.
    handle = models.CharField(max_length=32, unique=True)
    # What `User._get_session_auth_hash` said at sign-in: another value now, and it is over.
    seal = models.CharField(max_length=64, blank=True)
    began_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)
    address = models.GenericIPAddressField(null=True)
    user_agent = models.CharField(max_length=300, blank=True)

    class Meta(AbstractBaseSession.Meta):
        abstract = False
        verbose_name = "session"
        verbose_name_plural = "sessions"

    @classmethod
    def get_session_store_class(cls) -> Any:
        from accounts.session_store import SessionStore  # it needs this model

        return SessionStore


class ApiToken(models.Model):
    """A secret that acts for a person within a few permissions, until a day. Its digest is kept."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100)
    prefix = models.CharField(max_length=16, unique=True)
    digest = models.CharField(max_length=128)
    permissions = ArrayField(models.CharField(max_length=50))
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at"))
                & Q(expires_at__lte=F("created_at") + timedelta(days=MAXIMUM_TOKEN_DAYS)),
                name="token_expires_in_time",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def scope(self) -> frozenset[str]:
        """What it may do, of what its person may do."""
        return frozenset(self.permissions)

    def is_valid_at(self, now: datetime) -> bool:
        return self.revoked_at is None and now < self.expires_at
