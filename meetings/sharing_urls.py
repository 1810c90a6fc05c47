from django.urls import path

from meetings import delegation_views, feed_views

urlpatterns = [
    path("delegates/", delegation_views.delegates, name="delegates"),
    path("delegates/people/", delegation_views.delegate_people, name="delegate_people"),
    path("delegates/<int:pk>/", delegation_views.delegate, name="delegate"),
    path("delegates/<int:pk>/removal/", delegation_views.delegate_removal, name="delegate_removal"),
    path("delegates/<int:pk>/giving-up/", delegation_views.delegate_giving_up, name="delegate_giving_up"),
    path("subscription/", feed_views.subscription, name="subscription"),
    path("subscription/contents/", feed_views.subscription_contents, name="subscription_contents"),
    path("subscription/revocation/", feed_views.subscription_revocation, name="subscription_revocation"),
    path("feed/<slug:secret>.ics", feed_views.feed, name="feed"),
]
