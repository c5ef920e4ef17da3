package main

import (
	"encoding/json"
	"time"

	"github.com/jinzhu/gorm"
	"github.com/lib/pq"
)

type Artist struct {
	ID        string
	DiscogsID *int
}

type Label struct {
	ID        string
	DiscogsID *int
}

type Genre struct {
	ID   string
	Name string
}

type Style struct {
	ID   string
	Name string
}

type ReleaseArtist struct {
	ReleaseID    string
	ArtistID     *string
	Artist       *Artist
	Name         string
	Anv          *string
	JoinRelation *string
	Role         *string
	Tracks       *string
}

type ReleaseLabel struct {
	ReleaseID string
	LabelID   *string
	Label     *Label
	Name      string
	Catno     *string
}

type ReleaseFormat struct {
	ReleaseID    string         `json:"-"`
	Name         string         `json:"name"`
	Qty          *string        `json:"qty"`
	Text         *string        `json:"text"`
	Descriptions pq.StringArray `json:"descriptions" gorm:"type:text[]"`
}

type ReleaseGenre struct {
	ReleaseID string
	GenreID   string
	Genre     Genre
}

type ReleaseStyle struct {
	ReleaseID string
	StyleID   string
	Style     Style
}

// Release is what a list shows of a release.
type Release struct {
	ID                    string
	DiscogsID             *int
	Title                 string
	Year                  *int
	Released              *string
	Country               *string
	Thumb                 *string
	CoverImage            *string
	PlayDuration          *int
	PlayDurationEstimated bool
	Artists               []ReleaseArtist `gorm:"foreignkey:ReleaseID"`
	Labels                []ReleaseLabel  `gorm:"foreignkey:ReleaseID"`
	Formats               []ReleaseFormat `gorm:"foreignkey:ReleaseID"`
	Genres                []ReleaseGenre  `gorm:"foreignkey:ReleaseID"`
	Styles                []ReleaseStyle  `gorm:"foreignkey:ReleaseID"`
}

type artistOnCard struct {
	ID        *string `json:"id"`
	DiscogsID *int    `json:"discogsId"`
	Name      string  `json:"name"`
	Anv       *string `json:"anv"`
	Join      *string `json:"join"`
}

type labelOnCard struct {
	ID        *string `json:"id"`
	DiscogsID *int    `json:"discogsId"`
	Name      string  `json:"name"`
	Catno     *string `json:"catno"`
}

type releaseCard struct {
	ID                    string          `json:"id"`
	DiscogsID             *int            `json:"discogsId"`
	Title                 string          `json:"title"`
	Year                  *int            `json:"year"`
	Released              *string         `json:"released"`
	Country               *string         `json:"country"`
	Thumb                 *string         `json:"thumb"`
	CoverImage            *string         `json:"coverImage"`
	PlayDuration          *int            `json:"playDuration"`
	PlayDurationEstimated bool            `json:"playDurationEstimated"`
	Artists               []artistOnCard  `json:"artists"`
	Labels                []labelOnCard   `json:"labels"`
	Formats               []ReleaseFormat `json:"formats"`
	Genres                []string        `json:"genres"`
	Styles                []string        `json:"styles"`
}

func (r *Release) card() releaseCard {
	card := releaseCard{
		r.ID, r.DiscogsID, r.Title, r.Year, r.Released, r.Country, r.Thumb, r.CoverImage,
		r.PlayDuration, r.PlayDurationEstimated, make([]artistOnCard, 0, len(r.Artists)),
		make([]labelOnCard, 0, len(r.Labels)), r.Formats, make([]string, 0, len(r.Genres)),
		make([]string, 0, len(r.Styles)),
	}
	for _, a := range r.Artists {
		var number *int
		if a.Artist != nil {
			number = a.Artist.DiscogsID
		}
		card.Artists = append(card.Artists, artistOnCard{a.ArtistID, number, a.Name, a.Anv, a.JoinRelation})
	}
	for _, l := range r.Labels {
		var number *int
		if l.Label != nil {
			number = l.Label.DiscogsID
		}
		card.Labels = append(card.Labels, labelOnCard{l.LabelID, number, l.Name, l.Catno})
	}
	if card.Formats == nil {
		card.Formats = []ReleaseFormat{}
	}
	for _, g := range r.Genres {
		card.Genres = append(card.Genres, g.Genre.Name)
	}
	for _, s := range r.Styles {
		card.Styles = append(card.Styles, s.Style.Name)
	}
	return card
}

func (r Release) MarshalJSON() ([]byte, error) { return json.Marshal(r.card()) }

func inOrder(db *gorm.DB) *gorm.DB { return db.Order("release_id, position") }

func mainArtists(db *gorm.DB) *gorm.DB { return inOrder(db).Where("role IS NULL") }

// withCards preloads the releases of a list, each with its children.
func withCards(db *gorm.DB) *gorm.DB {
	return db.Preload("Release").
		Preload("Release.Artists", mainArtists).Preload("Release.Artists.Artist").
		Preload("Release.Labels", inOrder).Preload("Release.Labels.Label").
		Preload("Release.Formats", inOrder).
		Preload("Release.Genres", inOrder).Preload("Release.Genres.Genre").
		Preload("Release.Styles", inOrder).Preload("Release.Styles.Style")
}

type UserRelease struct {
	ID                string          `json:"id"`
	ReleaseID         string          `json:"releaseId"`
	FolderID          string          `json:"folderId"`
	DiscogsInstanceID *int64          `json:"discogsInstanceId"`
	Rating            int             `json:"rating"`
	MediaCondition    *string         `json:"mediaCondition"`
	SleeveCondition   *string         `json:"sleeveCondition"`
	Notes             *string         `json:"notes"`
	CustomFields      json.RawMessage `json:"customFields"`
	AddedAt           time.Time       `json:"addedAt"`
	ArchivedAt        *time.Time      `json:"archivedAt"`
	ArchiveReason     *string         `json:"archiveReason"`
	UpdatedAt         time.Time       `json:"updatedAt"`
	Release           Release         `json:"release"`
}

type PlayHistory struct {
	ID                string    `json:"id"`
	ReleaseID         string    `json:"releaseId"`
	UserReleaseID     *string   `json:"copyId"`
	StylusID          *string   `json:"stylusId"`
	PlayedAt          time.Time `json:"playedAt"`
	DurationSeconds   int       `json:"durationSeconds"`
	DurationEstimated bool      `json:"durationEstimated"`
	Side              *string   `json:"side"`
	Notes             *string   `json:"notes"`
	UpdatedAt         time.Time `json:"updatedAt"`
	Release           Release   `json:"release"`
}

func (PlayHistory) TableName() string { return "play_history" }

type CopyPage struct {
	Items []UserRelease `json:"items"`
	Next  *string       `json:"next"`
	Total *int          `json:"total"`
}

type PlayPage struct {
	Items []PlayHistory `json:"items"`
	Next  *string       `json:"next"`
	Total *int          `json:"total"`
}

type Track struct {
	ReleaseID       string          `json:"-"`
	Seq             int             `json:"seq"`
	ParentSeq       *int            `json:"parentSeq"`
	Type            string          `json:"type"`
	Position        *string         `json:"position"`
	Title           string          `json:"title"`
	DurationText    *string         `json:"duration"`
	DurationSeconds *int            `json:"durationSeconds"`
	Credits         json.RawMessage `json:"credits"`
}

type credit struct {
	ID        *string `json:"id"`
	DiscogsID *int    `json:"discogsId"`
	Name      string  `json:"name"`
	Anv       *string `json:"anv"`
	Role      *string `json:"role"`
	Tracks    *string `json:"tracks"`
}

// ReleaseDetail is a release with everything that is known of it.
type ReleaseDetail struct {
	Release
	MasterDiscogsID *int
	ResourceURL     *string
	DataQuality     *string
	Notes           *string
	Metadata        json.RawMessage
	SourceHash      *string
	FromAPI         bool
	FetchedAt       *time.Time
	CreatedAt       time.Time
	UpdatedAt       time.Time
	Tracks          []Track         `gorm:"foreignkey:ReleaseID"`
	Further         []ReleaseArtist `gorm:"foreignkey:ReleaseID"`

	lists map[string]json.RawMessage
}

func (ReleaseDetail) TableName() string { return "releases" }

func furtherArtists(db *gorm.DB) *gorm.DB { return inOrder(db).Where("role IS NOT NULL") }

func bySeq(db *gorm.DB) *gorm.DB { return db.Order("seq") }

func (r *ReleaseDetail) preload(db *gorm.DB) *gorm.DB {
	return db.Preload("Artists", mainArtists).Preload("Artists.Artist").
		Preload("Labels", inOrder).Preload("Labels.Label").
		Preload("Formats", inOrder).
		Preload("Genres", inOrder).Preload("Genres.Genre").
		Preload("Styles", inOrder).Preload("Styles.Style").
		Preload("Further", furtherArtists).Preload("Further.Artist").
		Preload("Tracks", bySeq)
}

func (r *ReleaseDetail) complete() error {
	for place := range r.Tracks {
		if r.Tracks[place].Credits == nil {
			r.Tracks[place].Credits = json.RawMessage("[]")
		}
	}
	return json.Unmarshal(r.Metadata, &r.lists)
}

func (r *ReleaseDetail) list(name string) json.RawMessage {
	if found, ok := r.lists[name]; ok {
		return found
	}
	return json.RawMessage("[]")
}

func (r ReleaseDetail) MarshalJSON() ([]byte, error) {
	credits := make([]credit, 0, len(r.Further))
	for _, a := range r.Further {
		var number *int
		if a.Artist != nil {
			number = a.Artist.DiscogsID
		}
		credits = append(credits, credit{a.ArtistID, number, a.Name, a.Anv, a.Role, a.Tracks})
	}
	tracks := r.Tracks
	if tracks == nil {
		tracks = []Track{}
	}
	var fetched *time.Time
	if r.FromAPI {
		fetched = r.FetchedAt
	}
	return json.Marshal(struct {
		releaseCard
		MasterDiscogsID *int            `json:"masterDiscogsId"`
		ResourceURL     *string         `json:"resourceUrl"`
		DataQuality     *string         `json:"dataQuality"`
		Notes           *string         `json:"notes"`
		Credits         []credit        `json:"credits"`
		Tracks          []Track         `json:"tracks"`
		Identifiers     json.RawMessage `json:"identifiers"`
		Companies       json.RawMessage `json:"companies"`
		Series          json.RawMessage `json:"series"`
		Images          json.RawMessage `json:"images"`
		Videos          json.RawMessage `json:"videos"`
		IsStub          bool            `json:"isStub"`
		FetchedAt       *time.Time      `json:"fetchedAt"`
		CreatedAt       time.Time       `json:"createdAt"`
		UpdatedAt       time.Time       `json:"updatedAt"`
	}{
		r.card(), r.MasterDiscogsID, r.ResourceURL, r.DataQuality, r.Notes, credits, tracks,
		r.list("identifiers"), r.list("companies"), r.list("series"), r.list("images"),
		r.list("videos"), r.DiscogsID != nil && r.SourceHash == nil, fetched, r.CreatedAt, r.UpdatedAt,
	})
}

type Song struct {
	ID           string     `json:"id"`
	LibraryID    string     `json:"libraryId"`
	Name         string     `json:"name"`
	ArtistID     *string    `json:"artistId"`
	ArtistName   *string    `json:"artistName"`
	AlbumID      *string    `json:"albumId"`
	AlbumName    *string    `json:"albumName"`
	DiscNumber   *int       `json:"discNumber"`
	TrackNumber  *int       `json:"trackNumber"`
	DurationMs   *int       `json:"durationMs"`
	Year         *int       `json:"year"`
	Genre        *string    `json:"genre"`
	Codec        string     `json:"codec"`
	BitRate      *int       `json:"bitRate"`
	SampleRate   *int       `json:"sampleRate"`
	Channels     *int       `json:"channels"`
	MissingSince *time.Time `json:"missingSince"`
	CreatedAt    time.Time  `json:"createdAt"`
	UpdatedAt    time.Time  `json:"updatedAt"`
}
