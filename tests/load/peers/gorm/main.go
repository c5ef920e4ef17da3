// Go with fasthttp and GORM's Preload, as GORM's documentation teaches.
//
// Debian packages this version of GORM (v1) and fasthttp, which Fiber stands on; see serving.py for
// how it is built. It answers what the budgets compare: one song, many songs, one release, the
// pages of the collection and of plays.
package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"log"
	"os"
	"strings"
	"time"

	"github.com/jinzhu/gorm"
	_ "github.com/jinzhu/gorm/dialects/postgres"
	"github.com/valyala/fasthttp"
)

var db *gorm.DB

type User struct {
	ID       string
	Username string
}

type AuthToken struct {
	TokenHash []byte `gorm:"primary_key"`
	UserID    string
	User      User
}

func answer(ctx *fasthttp.RequestCtx, status int, body interface{}) {
	encoded, err := json.Marshal(body)
	if err != nil {
		fail(ctx, err)
		return
	}
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.SetBody(encoded)
}

func fail(ctx *fasthttp.RequestCtx, err error) {
	log.Print(err)
	ctx.Error("internal error", fasthttp.StatusInternalServerError)
}

// user returns whose token the request carries, nil after it has answered 401.
func user(ctx *fasthttp.RequestCtx) *User {
	header := string(ctx.Request.Header.Peek("Authorization"))
	if strings.HasPrefix(header, "Bearer ") {
		hash := sha256.Sum256([]byte(strings.TrimPrefix(header, "Bearer ")))
		var token AuthToken
		err := db.Preload("User").
			Where("token_hash = ? AND (expires_at IS NULL OR expires_at > ?)", hash[:], time.Now()).
			First(&token).Error
		if err == nil {
			return &token.User
		}
		if !gorm.IsRecordNotFoundError(err) {
			fail(ctx, err)
			return nil
		}
	}
	ctx.Error("unknown token", fasthttp.StatusUnauthorized)
	return nil
}

func limit(ctx *fasthttp.RequestCtx) int {
	if wanted, err := ctx.QueryArgs().GetUint("limit"); err == nil && wanted <= 200 {
		return wanted
	}
	return 50
}

func cursor(id string) *string {
	encoded := base64.URLEncoding.EncodeToString([]byte(id))
	return &encoded
}

func listCollection(ctx *fasthttp.RequestCtx, user *User) {
	size := limit(ctx)
	query := withCards(db).Where("user_id = ? AND archived_at IS NULL", user.ID)
	if string(ctx.QueryArgs().Peek("sort")) == "artist" {
		query = query.
			Joins("JOIN releases ON releases.id = user_releases.release_id").
			Order("left(releases.artist_normalized, 100), user_releases.id")
	} else {
		query = query.Order("added_at DESC, id DESC")
	}
	var copies []UserRelease
	if err := query.Limit(size + 1).Find(&copies).Error; err != nil {
		fail(ctx, err)
		return
	}
	page := CopyPage{Items: copies}
	if len(copies) > size {
		page.Items, page.Next = copies[:size], cursor(copies[size-1].ID)
	}
	answer(ctx, 200, page)
}

func listPlays(ctx *fasthttp.RequestCtx, user *User) {
	size := limit(ctx)
	var plays []PlayHistory
	err := withCards(db).Where("user_id = ?", user.ID).
		Order("played_at DESC, id DESC").Limit(size + 1).Find(&plays).Error
	if err != nil {
		fail(ctx, err)
		return
	}
	page := PlayPage{Items: plays}
	if len(plays) > size {
		page.Items, page.Next = plays[:size], cursor(plays[size-1].ID)
	}
	answer(ctx, 200, page)
}

func getRelease(ctx *fasthttp.RequestCtx, id string) {
	var release ReleaseDetail
	err := release.preload(db).Where("id = ?", id).First(&release).Error
	if gorm.IsRecordNotFoundError(err) {
		ctx.Error("no such release", fasthttp.StatusNotFound)
		return
	}
	if err == nil {
		err = release.complete()
	}
	if err != nil {
		fail(ctx, err)
		return
	}
	answer(ctx, 200, release)
}

func getSong(ctx *fasthttp.RequestCtx, id string) {
	var song Song
	err := db.Where("id = ?", id).First(&song).Error
	if gorm.IsRecordNotFoundError(err) {
		ctx.Error("no such song", fasthttp.StatusNotFound)
		return
	}
	if err != nil {
		fail(ctx, err)
		return
	}
	answer(ctx, 200, song)
}

func lookUpSongs(ctx *fasthttp.RequestCtx) {
	var wanted struct{ Ids []string }
	if err := json.Unmarshal(ctx.PostBody(), &wanted); err != nil || len(wanted.Ids) > 1000 {
		ctx.Error("up to 1000 ids", fasthttp.StatusBadRequest)
		return
	}
	var songs []Song
	if err := db.Where("id IN (?)", wanted.Ids).Find(&songs).Error; err != nil {
		fail(ctx, err)
		return
	}
	byID := make(map[string]*Song, len(songs))
	for place := range songs {
		byID[songs[place].ID] = &songs[place]
	}
	found := struct {
		Items []*Song `json:"items"`
	}{make([]*Song, len(wanted.Ids))}
	for place, id := range wanted.Ids {
		found.Items[place] = byID[id]
	}
	answer(ctx, 200, found)
}

func handle(ctx *fasthttp.RequestCtx) {
	path := string(ctx.Path())
	if path == "/health/live" {
		ctx.SetBodyString("ok")
		return
	}
	asking := user(ctx)
	if asking == nil {
		return
	}
	switch path = strings.TrimPrefix(path, "/api/v1/"); {
	case path == "collection":
		listCollection(ctx, asking)
	case path == "plays":
		listPlays(ctx, asking)
	case path == "songs/lookup" && ctx.IsPost():
		lookUpSongs(ctx)
	case strings.HasPrefix(path, "songs/"):
		getSong(ctx, strings.TrimPrefix(path, "songs/"))
	case strings.HasPrefix(path, "releases/"):
		getRelease(ctx, strings.TrimPrefix(path, "releases/"))
	default:
		ctx.Error("not found", fasthttp.StatusNotFound)
	}
}

func main() {
	var err error
	if db, err = gorm.Open("postgres", os.Getenv("DATABASE_URL")); err != nil {
		log.Fatal(err)
	}
	// The seeds' own figures.
	db.DB().SetMaxOpenConns(50)
	db.DB().SetMaxIdleConns(25)
	db.DB().SetConnMaxLifetime(30 * time.Minute)
	log.Fatal(fasthttp.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), handle))
}
