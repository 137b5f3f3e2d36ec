from django.urls import URLPattern, URLResolver, include, path

from findings.views import answers, findings, overview, overview_paper, search
from findings.work import views as work

app_name = "findings"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", overview.overview, name="overview"),
    path("overview.pdf", overview_paper.overview_pdf, name="overview-pdf"),
    path("work/", work.my_work, name="my-work"),
    path("search/", search.search, name="search"),
    path("findings/", findings.finding_list, name="list"),
    path("findings/export.csv", findings.export, name="export"),
    path("findings/<int:finding_id>/", findings.finding, name="finding"),
    path("", include("findings.announcing.urls")),
    path("", include("findings.triage.urls")),
    path("", include("findings.remediation.urls")),
    path("exceptions/", include("findings.waivers.urls")),
    path("trends/", include("findings.trends.urls")),
    path("findings/checks/", answers.checks, name="checks"),
    path("findings/answers/", answers.answers, name="answers"),
]
