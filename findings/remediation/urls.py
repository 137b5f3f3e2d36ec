from django.urls import URLPattern, path

from findings.remediation.views import files, plans, tasks

urlpatterns: list[URLPattern] = [
    path("remediation/", plans.plan_list, name="plans"),
    path("remediation/new/", plans.new_plan, name="new-plan"),
    path("remediation/add/", plans.add_to_plan, name="add-to-plan"),
    path("remediation/poam.csv", files.poam_of_all, {"ending": "csv"}, name="poam-csv"),
    path("remediation/poam.xlsx", files.poam_of_all, {"ending": "xlsx"}, name="poam-xlsx"),
    path("remediation/<int:plan_id>/", plans.plan, name="plan"),
    path("remediation/<int:plan_id>/edit/", plans.edit_plan, name="edit-plan"),
    path("remediation/<int:plan_id>/close/", plans.close_plan, name="close-plan"),
    path("remediation/<int:plan_id>/reopen/", plans.reopen_plan, name="reopen-plan"),
    path("remediation/<int:plan_id>/take-out/", plans.take_out, name="take-out-of-plan"),
    path(
        "remediation/<int:plan_id>/script.ps1", files.script, {"ending": "ps1"}, name="plan-script"
    ),
    path(
        "remediation/<int:plan_id>/script.txt",
        files.script,
        {"ending": "txt"},
        name="plan-script-text",
    ),
    path(
        "remediation/<int:plan_id>/poam.csv",
        files.plan_poam,
        {"ending": "csv"},
        name="plan-poam-csv",
    ),
    path(
        "remediation/<int:plan_id>/poam.xlsx",
        files.plan_poam,
        {"ending": "xlsx"},
        name="plan-poam-xlsx",
    ),
    path("remediation/tasks/<int:task_id>/edit/", tasks.edit_task, name="edit-task"),
    path("remediation/tasks/<int:task_id>/claim/", tasks.claim_task, name="claim-task"),
    path("remediation/tasks/<int:task_id>/take-back/", tasks.take_back_task, name="take-back-task"),
]
