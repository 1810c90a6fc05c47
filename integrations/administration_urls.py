"""The pages of admins that are about connections and policy. People and groups: organizations/urls.py."""

from integrations import overview_urls, policy_urls

app_name = "administration"
urlpatterns = [*overview_urls.urlpatterns, *policy_urls.urlpatterns]
