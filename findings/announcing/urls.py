from django.urls import path

from findings.announcing import views

urlpatterns = [
    path("notifications/", views.notice_list, name="notices"),
    path("notifications/read/", views.notices_read, name="notices-read"),
    path("notifications/settings/", views.notice_settings, name="notice-settings"),
    path("notifications/<int:notice_id>/open/", views.notice_open, name="notice-open"),
]
