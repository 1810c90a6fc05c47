from django.urls import path

from integrations import change_views, policy_views
from integrations.policy import Level

GROUP, MEMBER = {"level": Level.GROUP}, {"level": Level.MEMBER}

urlpatterns = [
    path("policy/", policy_views.policy, name="policy"),
    path("policy/forecast/", policy_views.policy_forecast, name="policy_forecast"),
    path("groups/<int:pk>/policy/", policy_views.policy, GROUP, name="group_policy"),
    path("groups/<int:pk>/policy/forecast/", policy_views.policy_forecast, GROUP, name="group_policy_forecast"),
    path("members/<int:pk>/policy/", policy_views.policy, MEMBER, name="member_policy"),
    path("members/<int:pk>/policy/forecast/", policy_views.policy_forecast, MEMBER, name="member_policy_forecast"),
    path("changes/", change_views.changes, name="changes"),
    path("changes/<uuid:pk>/", change_views.change, name="change"),
    path("changes/<uuid:pk>/effects/", change_views.change_effects, name="change_effects"),
    path("changes/<uuid:pk>/reversal/", change_views.reversal_create, name="reversal_create"),
    path("changes/<uuid:pk>/grace-end/", change_views.grace_end_create, name="grace_end_create"),
]
