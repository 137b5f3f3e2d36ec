from django.urls import URLPattern, URLResolver, path

from accounts.views import sessions, sso, teams, tokens, users

app_name = "accounts"
urlpatterns: list[URLPattern | URLResolver] = [
    path("accounts/sso/again/", sso.again, name="sso-again"),
    path("accounts/sso/<slug:provider_id>/", sso.start, name="sso-start"),
    path("accounts/sso/<slug:provider_id>/callback/", sso.callback, name="sso-callback"),
    path("accounts/sso/<slug:provider_id>/acs/", sso.consume, name="sso-acs"),
    path("accounts/sso/<slug:provider_id>/finish/", sso.finish, name="sso-finish"),
    path("accounts/sso/<slug:provider_id>/metadata/", sso.metadata, name="sso-metadata"),
    path("settings/users/", users.user_list, name="user-list"),
    path("settings/users/add/", users.user_add, name="user-add"),
    path("settings/users/permissions/", users.permission_table, name="permission-table"),
    path("settings/users/<int:user_id>/", users.user_detail, name="user-detail"),
    path("settings/users/<int:user_id>/edit/", users.user_edit, name="user-edit"),
    path("settings/users/<int:user_id>/disable/", users.user_disable, name="user-disable"),
    path("settings/users/<int:user_id>/enable/", users.user_enable, name="user-enable"),
    path(
        "settings/users/<int:user_id>/reset-password/",
        users.user_reset_password,
        name="user-reset-password",
    ),
    path(
        "settings/users/<int:user_id>/remove-second-factor/",
        users.user_remove_factor,
        name="user-remove-factor",
    ),
    path(
        "settings/users/<int:user_id>/end-sessions/",
        users.user_end_sessions,
        name="user-end-sessions",
    ),
    path("settings/sessions/", sessions.session_list, name="session-list"),
    path("settings/sessions/end-others/", sessions.session_end_others, name="session-end-others"),
    path("settings/sessions/<slug:handle>/end/", sessions.session_end, name="session-end"),
    path("settings/teams/", teams.team_list, name="team-list"),
    path("settings/teams/add/", teams.team_add, name="team-add"),
    path("settings/teams/<int:team_id>/", teams.team_edit, name="team-edit"),
    path("settings/teams/<int:team_id>/remove/", teams.team_remove, name="team-remove"),
    path("settings/tokens/", tokens.token_list, name="token-list"),
    path("settings/tokens/add/", tokens.token_add, name="token-add"),
    path("settings/tokens/<int:token_id>/revoke/", tokens.token_revoke, name="token-revoke"),
]
